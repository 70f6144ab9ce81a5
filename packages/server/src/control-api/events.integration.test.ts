import assert from "node:assert/strict";
import { test } from "node:test";
import { type CloudEvent, EventStreamParser } from "@faas/core";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

const server = await testControl({ auth: true });
const bundle = await functionBundle("export const handler = () => 'hello';\n");
const artifact = { kind: "bundle", digest: digestOf(bundle) };
await server.send("PUT", "/-/orgs/acme");
await server.send("PUT", "/-/orgs/other");
await server.upload(bundle);

/** Opens a stream that is closed with the test; `until` reads its events up to the first that matches. */
async function open(t: { after(run: () => void): void }, query: string, token: string, lastId?: string) {
  const closed = new AbortController();
  t.after(() => closed.abort());
  const headers = { Authorization: `Bearer ${token}`, ...(lastId === undefined ? {} : { "Last-Event-ID": lastId }) };
  const response = await fetch(`${server.url}/-/events${query}`, { headers, signal: closed.signal });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream\b/);
  const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  const parser = new EventStreamParser();
  const events: CloudEvent[] = [];
  let position = 0;
  return {
    close: () => closed.abort(),
    async until(matches: (event: CloudEvent) => boolean): Promise<CloudEvent[]> {
      const from = position;
      for (;;) {
        for (; position < events.length; position++)
          if (matches(events[position] as CloudEvent)) return events.slice(from, ++position);
        const { value, done } = await reader.read();
        assert.ok(!done, "the stream ended");
        for (const { data } of parser.push(value)) events.push(JSON.parse(data));
      }
    },
    ended: async () => (await reader.read()).done,
  };
}

const deploy = (key: string, settings: object) =>
  server.send("PUT", `/-/orgs/${key.replace("/", "/endpoints/")}`, { artifact, settings });
const isDeployed = ({ type }: CloudEvent) => type === "faas.endpoint.deployed";
const names = (events: readonly CloudEvent[]) => events.map(({ type, subject }) => `${type} ${subject}`);

test("a key sees the events of its organization as they happen, and later those that it missed", async (t) => {
  const token = await server.key("acme", "read");
  const stream = await open(t, "?type=faas.deployment.*,faas.endpoint.*", token);
  await deploy("other/hidden", { replicas: 0 });
  await deploy("acme/one", { replicas: 1 });
  const seen = await stream.until(isDeployed);
  const [started] = seen;
  assert.deepEqual(names(seen), [
    "faas.deployment.started acme/one",
    "faas.endpoint.scaled acme/one",
    "faas.endpoint.deployed acme/one",
  ]);
  stream.close();
  await server.send("DELETE", "/-/orgs/acme/endpoints/one");
  const resumed = await open(t, "", token, started?.id);
  const missed = names(await resumed.until(({ type }) => type === "faas.endpoint.removed"));
  assert.deepEqual(missed.slice(0, 1), ["faas.endpoint.scaled acme/one"]);
  for (const name of ["faas.replica.ready", "faas.endpoint.deployed"])
    assert.ok(missed.includes(`${name} acme/one`), name);
});

test("statistics have the calls of the last second, and only those of endpoints that the key can see", async (t) => {
  await deploy("acme/busy", { replicas: 1, visibility: "public" });
  await deploy("other/busy", { replicas: 1, visibility: "public" });
  const stream = await open(t, "?stats=true&org=acme", server.adminToken);
  const statsOf = ({ data }: CloudEvent) =>
    data.endpoints as readonly { org: string; requests: number; p99Ms?: number }[];
  await stream.until(({ type }) => type === "faas.stats");
  for (const org of ["other", "acme"]) assert.equal((await fetch(`${server.url}/${org}/busy`)).status, 200);
  const events = await stream.until(
    (event) => event.type === "faas.stats" && statsOf(event).some((each) => each.requests > 0),
  );
  const [busy, ...others] = statsOf(events.at(-1) as CloudEvent);
  assert.deepEqual([busy?.org, busy?.requests, others], ["acme", 1, []]);
  assert.ok((busy?.p99Ms ?? 0) > 0);
});

test("only admin keys see events of keys; a stream ends when its key is revoked", async (t) => {
  const created = await server.send("POST", "/-/orgs/acme/keys", { scope: "read" });
  const { id, token } = created.body;
  const own = await open(t, "?after=0", token);
  const all = await open(t, "?after=0&type=faas.key.*", server.adminToken);
  const ofKey = ({ subject }: CloudEvent) => subject === id;
  assert.deepEqual(names((await all.until(ofKey)).slice(-1)), [`faas.key.created ${id}`]);
  await server.send("DELETE", `/-/orgs/acme/keys/${id}`);
  assert.deepEqual(names(await all.until(ofKey)), [`faas.key.revoked ${id}`]);
  await assert.rejects(
    own.until(({ type }) => type.startsWith("faas.key.")),
    /the stream ended/,
  );
});

test("streams of other organizations, unknown types and keys without permission are rejected", async () => {
  const [read, invoke] = [await server.key("acme", "read"), await server.key("acme", "invoke")];
  for (const [path, token, code] of [
    ["?org=other", read, "ORG_NOT_FOUND"],
    ["?org=missing", server.adminToken, "ORG_NOT_FOUND"],
    ["", invoke, "FORBIDDEN"],
    ["", "", "UNAUTHENTICATED"],
    ["?type=faas.endpoint.deploy", read, "INVALID_REQUEST"],
    ["?endpoint=one", read, "INVALID_REQUEST"],
  ] as const)
    assert.equal((await server.send("GET", `/-/events${path}`, undefined, token)).problem.code, code, path);
});
