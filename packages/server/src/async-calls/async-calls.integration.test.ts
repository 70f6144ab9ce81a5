import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AsyncCall } from "@faas/core";
import { eventually } from "@faas/testing";
import { startGate } from "../testing/gate.ts";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Asynchronous calls, through the HTTP interface, with replicas as processes. */

const server = await testControl({ auth: true });
const CODE = `
let failures = 0;
export const handler = async ({ method, path, headers, body }) => {
  if (path === "/hold") await fetch(process.env.GATE);
  if (path === "/fail") return { status: 500, body: "broken" };
  if (path === "/flaky" && failures++ < 2) return { status: 503, headers: { "retry-after": "0" }, body: "later" };
  if (path === "/missing") return { status: 404, body: "no such thing" };
  const id = headers["x-faas-call-id"];
  return { status: 201, headers: { "content-type": "text/x-mine" }, body: [method, path, body ?? "", id, headers["x-faas-attempt"]].join(" ") };
};`;
const bundle = await functionBundle(CODE);
assert.equal((await server.upload(bundle)).status, 201);
const artifact = { kind: "bundle", digest: digestOf(bundle) };

async function register(key: string, settings: object = {}): Promise<void> {
  const [org, endpoint] = key.split("/");
  const { status, body } = await server.send("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, {
    artifact,
    settings: { visibility: "public", replicas: 0, async: { attempts: 2, backoff: "1ms" }, ...settings },
  });
  assert.ok(status < 300, JSON.stringify(body));
}

/** Calls an endpoint asynchronously. */
async function callAsync(path: string, headers: Record<string, string> = {}, body?: string) {
  const response = await fetch(server.url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { Prefer: "respond-async", ...headers },
    ...(body === undefined ? {} : { body }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  const json: any = await response.json();
  return { status: response.status, location: response.headers.get("location") ?? "", json };
}

const ended = async (location: string): Promise<AsyncCall> => (await server.send("GET", `${location}?wait=30s`)).body;

describe("an asynchronous call", () => {
  test("wakes an endpoint without replicas, and its response can be read", async () => {
    await register("acme/echo");
    const { status, location, json } = await callAsync("/acme/echo/a?b=c", {}, "hi");
    assert.equal(status, 202);
    assert.equal(location, `/-/orgs/acme/calls/${json.id}`);
    const call = await ended(location);
    assert.deepEqual([call.state, call.method, call.path, call.attempts], ["completed", "POST", "/a?b=c", 1]);
    assert.equal(call.response?.status, 201);
    const response = await fetch(`${server.url}${location}/response`, {
      headers: { authorization: `Bearer ${server.adminToken}` },
    });
    assert.equal(response.status, 201);
    assert.match(response.headers.get("content-type") ?? "", /text\/x-mine/);
    assert.equal(await response.text(), `POST /a hi ${json.id} 1`);
  });

  test("is tried again until a delivery succeeds", async () => {
    await register("acme/flaky", { async: { attempts: 5, backoff: "1ms" } });
    const call = await ended((await callAsync("/acme/flaky/flaky")).location);
    assert.equal(call.state, "completed");
    assert.deepEqual(
      call.deliveries.map(({ status }) => status),
      [503, 503, 201],
    );
    assert.equal(new Set(call.deliveries.map(({ requestId }) => requestId)).size, 3);
  });

  test("has failed after its last attempt, can be retried, and dropped", async () => {
    await register("failing/x");
    const { location } = await callAsync("/failing/x/fail");
    const failed = await ended(location);
    assert.deepEqual([failed.state, failed.attempts, failed.response?.status], ["failed", 2, 500]);
    const { calls, totals } = (await server.send("GET", "/-/orgs/failing/calls?state=failed")).body;
    assert.deepEqual([calls.length, totals.failed, calls[0].endpoint], [1, 1, "x"]);
    assert.equal((await server.send("POST", `${location}/retry`)).status, 200);
    const again = await ended(location);
    assert.deepEqual([again.state, again.deliveries.length], ["failed", 4]);
    assert.equal((await server.send("DELETE", location)).status, 204);
    assert.equal((await server.send("GET", location)).problem.code, "CALL_NOT_FOUND");
  });

  test("with the Idempotency-Key of an earlier one is that call", async () => {
    await register("acme/once");
    const first = await callAsync("/acme/once", { "Idempotency-Key": "k" }, "1");
    const second = await callAsync("/acme/once", { "Idempotency-Key": "k" }, "2");
    assert.deepEqual([second.status, second.json.id, second.json.duplicate], [202, first.json.id, true]);
    await ended(first.location);
    assert.equal((await server.send("GET", "/-/orgs/acme/calls?endpoint=once")).body.calls.length, 1);
  });

  test("has no response before it has ended", async () => {
    const gate = await startGate();
    await register("slow/x", { env: { GATE: gate.url } });
    const { location } = await callAsync("/slow/x/hold");
    await eventually("it runs", async () => (await server.send("GET", location)).body.state === "running");
    const { status, problem } = await server.send("GET", `${location}/response`);
    assert.deepEqual([status, problem.code], [409, "CALL_NOT_ENDED"]);
    gate.open();
    assert.equal((await ended(location)).state, "completed");
  });

  test("can be followed", async () => {
    await register("acme/followed");
    const { location } = await callAsync("/acme/followed");
    const response = await fetch(`${server.url}${location}/events`, {
      headers: { authorization: `Bearer ${server.adminToken}` },
    });
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert.match(await response.text(), /event: completed\ndata: .*"state":"completed".*\n\n$/);
  });

  test("with a delay is delivered later, and now when it is retried", async () => {
    await register("acme/later");
    const { location } = await callAsync("/acme/later", { "X-Faas-Delay": "1h" });
    const { state, nextDeliveryAt = "" } = (await server.send("GET", location)).body;
    assert.equal(state, "waiting");
    assert.ok(Date.parse(nextDeliveryAt) > Date.now() + 3_000_000);
    await server.send("POST", `${location}/retry`);
    assert.equal((await ended(location)).state, "completed");
  });

  test("with an order key waits for the one before", async () => {
    const gate = await startGate();
    await register("ordered/x", { env: { GATE: gate.url } });
    const first = await callAsync("/ordered/x/hold", { "X-Faas-Order-Key": "a" });
    const second = await callAsync("/ordered/x", { "X-Faas-Order-Key": "a" });
    const other = await callAsync("/ordered/x", { "X-Faas-Order-Key": "b" });
    assert.equal((await ended(other.location)).state, "completed");
    assert.equal((await server.send("GET", second.location)).body.state, "waiting");
    gate.open();
    assert.equal((await ended(second.location)).state, "completed");
    assert.equal((await ended(first.location)).state, "completed");
  });

  test("is rejected where as many wait as the organization may have", async () => {
    await register("limited/x");
    await server.send("PUT", "/-/orgs/limited", { limits: { waitingCalls: 1 } });
    const { location } = await callAsync("/limited/x", { "X-Faas-Delay": "1h" });
    const { status, json } = await callAsync("/limited/x");
    assert.deepEqual([status, json.code, json.limit], [429, "CALLS_LIMITED", "waitingCalls"]);
    await server.send("DELETE", location);
    assert.equal((await callAsync("/limited/x")).status, 202);
  });

  test("is removed with its endpoint", async () => {
    await register("removed/x");
    const { location } = await callAsync("/removed/x", { "X-Faas-Delay": "1h" });
    await server.send("DELETE", "/-/orgs/removed/endpoints/x");
    await eventually("it is gone", async () => (await server.send("GET", location)).status === 404);
  });

  test("is for the keys of its organization: to read with the scope invoke, to retry with deploy", async () => {
    await register("keys/x", { visibility: "private" });
    const invoke = await server.key("keys", "invoke");
    const read = await server.key("keys", "read");
    assert.equal((await callAsync("/keys/x")).json.code, "UNAUTHENTICATED");
    const { location } = await callAsync("/keys/x", { authorization: `Bearer ${invoke}` });
    for (const token of [invoke, read])
      assert.equal((await server.send("GET", `${location}?wait=30s`, undefined, token)).body.state, "completed");
    for (const token of [invoke, read])
      assert.equal((await server.send("POST", `${location}/retry`, undefined, token)).problem.code, "FORBIDDEN");
    assert.equal((await server.send("GET", location, undefined, "")).problem.code, "UNAUTHENTICATED");
    await register("others/x");
    const other = await server.key("others", "deploy");
    assert.equal((await server.send("GET", location, undefined, other)).problem.code, "ORG_NOT_FOUND");
  });

  for (const [query, expected] of [
    ["?wait=2m", /wait/],
    ["?wait=x", /wait/],
  ] as const)
    test(`cannot be waited for with ${query}`, async () => {
      await register("acme/echo");
      const { location } = await callAsync("/acme/echo");
      const { status, problem } = await server.send("GET", location + query);
      assert.equal(status, 400);
      assert.match(problem.detail, expected);
    });
});
