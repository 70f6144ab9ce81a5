import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { type CallResponse, call as callUrl } from "../testing/call.ts";
import { startGate } from "../testing/gate.ts";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Limits of an organization that apply to calls, through the HTTP interface. */

const server = await testControl({ auth: true });
const CODE = `
export const handler = async ({ path }) => {
  if (path === "/hold") await fetch(process.env.GATE);
  return "fine";
};`;
const bundle = await functionBundle(CODE);
assert.equal((await server.upload(bundle)).status, 201);
const artifact = { kind: "bundle", digest: digestOf(bundle) };

async function register(key: string, settings: object = {}): Promise<void> {
  const [org, endpoint] = key.split("/");
  const body = { artifact, settings: { visibility: "public", replicas: 0, ...settings } };
  const { status, body: response } = await server.send("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, body);
  assert.ok(status < 300, JSON.stringify(response));
}

async function setLimits(org: string, limits: object): Promise<void> {
  const { status, body } = await server.send("PUT", `/-/orgs/${org}`, { limits });
  assert.ok(status < 300, JSON.stringify(body));
}

const useOf = async (org: string) => (await server.send("GET", `/-/orgs/${org}`)).body.use;
const viewOf = async (key: string) => (await server.send("GET", `/-/orgs/${key.replace("/", "/endpoints/")}`)).body;
const call = (path: string, body?: string | readonly string[]) => callUrl(server.url + path, body);

describe("calls", () => {
  test("over the rate are rejected with Retry-After and RateLimit fields; other organizations are unaffected", async () => {
    await register("rated/x");
    await register("free/x");
    assert.equal((await call("/rated/x")).status, 200);
    // The next request is available after 100 s.
    await setLimits("rated", { requestsPerSecond: 0.01, burst: 2 });
    const responses = [await call("/rated/x"), await call("/rated/x"), await call("/rated/x")];
    assert.deepEqual(
      responses.map(({ status }) => status),
      [200, 200, 429],
    );
    const { headers, body } = responses[2] as CallResponse;
    assert.equal(body.code, "RATE_LIMITED");
    assert.deepEqual(body["violated-policies"], ["requests"]);
    assert.equal(headers["ratelimit-policy"], '"requests";q=2;w=200');
    const seconds = Number(headers["retry-after"]);
    assert.ok(seconds > 0 && seconds <= 100, headers["retry-after"]);
    assert.equal(headers.ratelimit, `"requests";r=0;t=${seconds}`);
    assert.equal((await call("/free/x")).status, 200);
    const metrics = (await server.send("GET", "/-/metrics")).body;
    assert.match(metrics, /faas_requests_limited_total\{org="rated",endpoint="x",limit="requestsPerSecond"\} 1\n/);
    assert.match(metrics, /faas_requests_total\{org="rated",endpoint="x",code="429"\} 1\n/);
    await setLimits("rated", { requestsPerSecond: null });
    assert.equal((await call("/rated/x")).status, 200);
  });

  test("over the concurrency are rejected at once, and admitted again when others have ended", async () => {
    const gate = await startGate();
    await register("crowd/x", { env: { GATE: gate.url } });
    assert.equal((await call("/crowd/x")).status, 200);
    await setLimits("crowd", { concurrentRequests: 2 });
    const held = [call("/crowd/x/hold"), call("/crowd/x/hold")];
    await gate.waiting(2);
    const { status, headers, body } = await call("/crowd/x");
    assert.deepEqual([status, body.code], [429, "CONCURRENCY_LIMITED"]);
    assert.equal(headers["retry-after"], "1");
    assert.equal(headers["ratelimit-policy"], '"concurrent-requests";q=2;qu="concurrent-requests"');
    assert.equal((await useOf("crowd")).concurrentRequests, 2);
    gate.open();
    for (const response of await Promise.all(held)) assert.equal(response.status, 200);
    assert.equal((await call("/crowd/x")).status, 200);
    assert.equal((await useOf("crowd")).concurrentRequests, 0);
  });

  test("that fail, are rejected, or whose client disconnects no longer count", async () => {
    const gate = await startGate();
    await register("gone/x", { bodyLimit: "10", env: { GATE: gate.url } });
    await setLimits("gone", { concurrentRequests: 5 });
    for (let i = 0; i < 5; i++) assert.equal((await call("/gone/x", "more than ten bytes")).status, 413);
    const { hostname, port } = new URL(server.url);
    const sockets = Array.from({ length: 4 }, () => connect(Number(port), hostname));
    for (const socket of sockets) socket.write("GET /gone/x/hold HTTP/1.1\r\nHost: x\r\n\r\n");
    await gate.waiting(4);
    assert.equal((await useOf("gone")).concurrentRequests, 4);
    for (const socket of sockets) {
      socket.destroy();
      await once(socket, "close");
    }
    await eventually("no concurrent request", async () => (await useOf("gone")).concurrentRequests === 0);
    assert.equal((await call("/gone/x")).status, 200);
  });

  test("with a body over the limit are rejected: before a replica starts where the length is known, else while it is sent", async () => {
    await register("body/x");
    await setLimits("body", { bodySize: "1Ki" });
    const sized = await call("/body/x", "x".repeat(1025));
    assert.deepEqual([sized.status, sized.body.code], [413, "BODY_TOO_LARGE"]);
    assert.match(sized.body.detail, /at most 1Ki, got more; that is the limit of the organization "body"$/);
    assert.deepEqual((await viewOf("body/x")).replicas, []);
    const chunked = await call("/body/x", ["x".repeat(1000), "x".repeat(100)]);
    assert.deepEqual([chunked.status, chunked.body.code], [413, "BODY_TOO_LARGE"]);
    assert.equal((await call("/body/x", "x".repeat(1024))).status, 200);
    assert.equal((await call("/body/x", ["x".repeat(1000), "x".repeat(24)])).status, 200);
    // The smaller limit of an endpoint applies too.
    await register("body/small", { bodyLimit: "10" });
    assert.match((await call("/body/small", "x".repeat(11))).body.detail, /at most 10 bytes, got more; "faas deploy/);
  });

  test("that are rejected and repeated at once get delayed responses, and all get one", async () => {
    await register("storm/x");
    await setLimits("storm", { concurrentRequests: 0 });
    const began = performance.now();
    const responses = await Promise.all(Array.from({ length: 300 }, () => call("/storm/x")));
    assert.ok(responses.every(({ status }) => status === 429));
    // 100 at once, then 500 per second: on a slow machine it takes longer, never shorter.
    assert.ok(performance.now() - began > 250, `${performance.now() - began} ms`);
  });

  test("without room for a first replica fail with REPLICAS_LIMITED, and succeed when there is room", async () => {
    await register("full/x");
    await setLimits("full", { replicas: 0 });
    const { status, body, headers } = await call("/full/x");
    assert.deepEqual([status, body.code, headers["retry-after"]], [503, "REPLICAS_LIMITED", "1"]);
    await setLimits("full", { replicas: 1 });
    assert.equal((await call("/full/x")).status, 200);
    await setLimits("full", { replicas: 0 });
    assert.equal((await useOf("full")).replicas, 0);
  });
});

describe("the scaler", () => {
  test("never has more replicas than the limit, reports it, and leaves the reserved replicas of other endpoints", async () => {
    const gate = await startGate();
    await setLimits("scaled", { replicas: 3 });
    await register("scaled/reserved", { replicas: 1, idleTimeout: "100ms" });
    await register("scaled/x", { replicas: 1, concurrency: 1, maxReplicas: 10, env: { GATE: gate.url } });
    const calls = Array.from({ length: 12 }, () => call("/scaled/x/hold"));
    let most = 0;
    const limited = await eventually("two replicas, and the report of the limit", async () => {
      const view = await viewOf("scaled/x");
      most = Math.max(most, view.replicas.length);
      return view.replicas.length >= 2 && view.limited;
    });
    await gate.waiting(2);
    await eventually("an idle endpoint", async () => (await viewOf("scaled/reserved")).replicas.length === 0);
    assert.equal((await call("/scaled/reserved")).status, 200);
    most = Math.max(most, (await viewOf("scaled/x")).replicas.length);
    gate.open();
    for (const { status } of await Promise.all(calls)) assert.equal(status, 200);
    assert.equal(most, 2);
    assert.match(limited, /may have 2: the organization's limit is 3 replicas, and its other endpoints have/);
  });

  test("stops replicas when a limit is lowered, and starts them again when it is raised", async () => {
    await register("changed/x", { replicas: 3, scaler: "fixed", idleTimeout: "never" });
    const readyReplicas = (count: number) =>
      eventually(`${count} ready replicas`, async () => {
        const view = await viewOf("changed/x");
        return view.replicas.filter(({ ready }: { ready: boolean }) => ready).length === count ? view : undefined;
      });
    await readyReplicas(3);
    await setLimits("changed", { cpu: "150m" });
    assert.match(
      (await readyReplicas(1)).limited,
      /^It wants 3 replicas, and may have 1: the organization's limit is 150m CPU/,
    );
    assert.equal((await call("/changed/x")).status, 200);
    await setLimits("changed", { cpu: null });
    assert.equal((await readyReplicas(3)).limited, undefined);
  });
});
