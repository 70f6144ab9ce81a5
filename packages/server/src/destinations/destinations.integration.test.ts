import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AsyncCall, AsyncCallList } from "@faas/core";
import { eventually } from "@faas/testing";
import { Webhook } from "standardwebhooks";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";
import { startReceiver } from "../testing/webhook-receiver.ts";

/** Calls that are passed on when they have ended, through the HTTP interface. */

const server = await testControl({ auth: true });
const CODE = `
export const handler = ({ path, body, headers }) => {
  if (path === "/fail") return { status: 500, body: "no database" };
  if (path === "/bytes") return { status: 200, body: Buffer.from([0, 255]) };
  return { status: 201, headers: { "x-mine": "1" }, body: path === "/" ? body : "done" };
};`;
const bundle = await functionBundle(CODE);
assert.equal((await server.upload(bundle)).status, 201);
const artifact = { kind: "bundle", digest: digestOf(bundle) };

async function register(key: string, asyncSettings: object = {}) {
  const [org, endpoint] = key.split("/");
  return server.send("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, {
    artifact,
    settings: {
      ...{ visibility: "public", replicas: 0 },
      async: { attempts: 2, backoff: "1ms", ...asyncSettings },
    },
  });
}

async function allow(org: string, ...destinations: readonly string[]): Promise<void> {
  assert.ok((await server.send("PUT", `/-/orgs/${org}`, { limits: { destinations } })).status < 300);
}

/** Calls an endpoint asynchronously, and returns the call when it has ended. */
async function callAndWait(path: string): Promise<AsyncCall> {
  const response = await fetch(server.url + path, { method: "POST", body: "{}", headers: { Prefer: "respond-async" } });
  assert.equal(response.status, 202);
  return ended(path.split("/")[1] ?? "", ((await response.json()) as { id: string }).id);
}

async function ended(org: string, id: string | undefined): Promise<AsyncCall> {
  assert.ok(id !== undefined, "expected that the call was passed on");
  return (await server.send("GET", `/-/orgs/${org}/calls/${id}?wait=30s`)).body;
}

const listed = async (org: string, query = ""): Promise<AsyncCallList> =>
  (await server.send("GET", `/-/orgs/${org}/calls${query}`)).body;

/** Returns the body of the response to an ended call. */
async function responseText(org: string, id: string): Promise<string> {
  const authorization = `Bearer ${server.adminToken}`;
  return (await fetch(`${server.url}/-/orgs/${org}/calls/${id}/response`, { headers: { authorization } })).text();
}

describe("an asynchronous call that has ended", () => {
  test("is passed on to another endpoint as an event", async () => {
    await register("acme/after");
    await register("acme/jobs", { onSuccess: "after" });
    const call = await callAndWait("/acme/jobs/a?b=c");
    assert.equal(call.destination?.to, "after");
    const next = await ended("acme", call.destination?.call);
    assert.deepEqual([next.state, next.endpoint, next.method, next.path], ["completed", "after", "POST", "/"]);
    const { time, ...event } = JSON.parse(await responseText("acme", next.id));
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    const { headers } = event.data.response;
    assert.equal(headers["x-mine"], "1");
    assert.deepEqual(event, {
      ...{ specversion: "1.0", id: `${call.id}.completed`, source: "/orgs/acme/endpoints/jobs" },
      ...{ type: "faas.call.completed", subject: call.id, datacontenttype: "application/json" },
      data: {
        call: {
          ...{ id: call.id, org: "acme", endpoint: "jobs", method: "POST", path: "/a?b=c", attempts: 1 },
          acceptedAt: call.acceptedAt,
        },
        response: { status: 201, headers, body: "done" },
      },
    });
  });

  test("is passed on to a path of an endpoint when it has failed, and again when it fails after a retry", async () => {
    await register("failing/alerts");
    await register("failing/jobs", { onFailure: "alerts/path" });
    const call = await callAndWait("/failing/jobs/fail");
    const first = await ended("failing", call.destination?.call);
    assert.deepEqual([first.endpoint, first.path, first.state], ["alerts", "/path", "completed"]);
    await server.send("POST", `/-/orgs/failing/calls/${call.id}/retry`);
    const again = await ended("failing", call.id);
    assert.equal(again.state, "failed");
    assert.notEqual(again.destination?.call, first.id);
  });

  test("has a failed call for a destination that does not exist", async () => {
    await register("missing/jobs", { onSuccess: "after" });
    const next = await ended("missing", (await callAndWait("/missing/jobs/")).destination?.call);
    assert.deepEqual([next.state, next.attempts, next.deliveries[0]?.code], ["failed", 1, "ENDPOINT_NOT_FOUND"]);
  });

  test("is not passed on without a destination for this end", async () => {
    await register("none/jobs", { onFailure: "alerts" });
    assert.equal((await callAndWait("/none/jobs/")).destination, undefined);
    assert.equal((await listed("none")).calls.length, 1);
  });

  test("is passed on also where no further call of a client would be accepted", async () => {
    await register("full/after");
    await register("full/jobs", { onFailure: "after" });
    await server.send("PUT", "/-/orgs/full", { limits: { waitingCalls: 1 } });
    const call = await callAndWait("/full/jobs/fail");
    assert.equal((await ended("full", call.destination?.call)).state, "completed");
  });

  test("is passed on until the loop is cut where an endpoint is its own destination", async () => {
    await register("loop/jobs", { onSuccess: "jobs/" });
    let call = await callAndWait("/loop/jobs/");
    let count = 1;
    for (; call.destination?.call !== undefined && count < 20; count++)
      call = await ended("loop", call.destination.call);
    assert.equal(count, 16);
    assert.equal(call.state, "completed");
    assert.equal(call.destination?.code, "LOOP_DETECTED");
  });
});

describe("a URL as a destination", () => {
  test("needs an entry in the organization's list", async () => {
    const url = "https://hooks.example.com/x";
    const { status, problem } = await register("urls/jobs", { onFailure: url });
    assert.deepEqual(
      [status, problem.code, problem.destination],
      [403, "DESTINATION_NOT_ALLOWED", "hooks.example.com"],
    );
    assert.match(problem.detail, /faas org limit urls --destinations 'hooks.example.com'/);
    await allow("urls", "*.example.com");
    assert.ok((await register("urls/jobs", { onFailure: url })).status < 300);
  });

  test("gets a signed event, and its response can be read", async () => {
    const { received, port } = await startReceiver();
    await allow("signed", `http://127.0.0.1:${port}`);
    await register("signed/jobs", { onSuccess: `http://127.0.0.1:${port}/hook?a=b` });
    const call = await callAndWait("/signed/jobs/bytes");
    const next = await ended("signed", call.destination?.call);
    const path = `http://127.0.0.1:${port}/hook?a=b`;
    assert.deepEqual([next.state, next.endpoint, next.path, next.response?.status], ["completed", "jobs", path, 200]);
    assert.equal(await responseText("signed", next.id), "thanks");
    const [{ url, headers, body } = assert.fail("received nothing")] = received;
    assert.equal(url, "/hook?a=b");
    assert.equal(headers["content-type"], "application/cloudevents+json");
    assert.equal(headers["webhook-id"], next.id);
    const { key } = (await server.send("GET", "/-/orgs/signed/signing-key")).body;
    const event = new Webhook(key).verify(body, headers as Record<string, string>) as { data: { response: object } };
    assert.deepEqual((event.data.response as { bodyBase64: string }).bodyBase64, "AP8=");
  });

  test("gets it again with the same id until it responds with 2xx, and with both keys after a change", async () => {
    let responses = 0;
    const { received, port } = await startReceiver((_, response) => {
      response.writeHead([404, 301, 500, 204][responses++] ?? 204).end();
    });
    await allow("again", `http://127.0.0.1:${port}`);
    await register("again/jobs", { onFailure: `http://127.0.0.1:${port}/`, attempts: 4 });
    const before = (await server.send("GET", "/-/orgs/again/signing-key")).body.key;
    const { key, previous } = (await server.send("POST", "/-/orgs/again/signing-key")).body;
    assert.equal(previous.key, before);
    const next = await ended("again", (await callAndWait("/again/jobs/fail")).destination?.call);
    assert.deepEqual([next.state, next.attempts], ["completed", 4]);
    assert.equal(new Set(received.map(({ headers }) => headers["webhook-id"])).size, 1);
    for (const { headers, body } of received)
      for (const each of [before, key]) new Webhook(each).verify(body, headers as Record<string, string>);
  });

  test("that is no longer allowed fails at once", async () => {
    const { received, port } = await startReceiver();
    await allow("revoked", `http://127.0.0.1:${port}`);
    await register("revoked/jobs", { onSuccess: `http://127.0.0.1:${port}/` });
    await allow("revoked");
    const next = await ended("revoked", (await callAndWait("/revoked/jobs/")).destination?.call);
    assert.deepEqual([next.state, next.attempts], ["failed", 1]);
    assert.equal(next.deliveries[0]?.code, "DESTINATION_NOT_ALLOWED");
    assert.equal(received.length, 0);
    await allow("revoked", `http://127.0.0.1:${port}`);
    await server.send("POST", `/-/orgs/revoked/calls/${next.id}/retry`);
    assert.equal((await ended("revoked", next.id)).state, "completed");
    assert.equal(received.length, 1);
  });

  test("that does not respond does not hold up the function", async () => {
    const { received, port } = await startReceiver(() => {});
    await allow("slow", `http://127.0.0.1:${port}`);
    await register("slow/jobs", { onSuccess: `http://127.0.0.1:${port}/` });
    for (let count = 0; count < 12; count++) assert.equal((await callAndWait("/slow/jobs/")).state, "completed");
    await eventually("as many wait as may", () => received.length === 8);
    const { calls, totals } = await listed("slow", "?endpoint=jobs&limit=5");
    assert.deepEqual([totals.completed, totals.running, totals.waiting], [12, 8, 4]);
    assert.equal(calls.length, 5);
    assert.ok(calls.every(({ id }, i) => id < (calls[i - 1]?.id ?? "~")));
    await server.send("DELETE", "/-/orgs/slow/endpoints/jobs");
    await eventually("its calls are gone", async () => (await listed("slow")).calls.length === 0);
  });
});
