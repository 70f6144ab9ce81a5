import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { eventually, tempDir } from "@faas/testing";
import type { RunningServer, ServerOptions } from "../options.ts";
import { startServer } from "../server.ts";
import { sendControl, startLinkedGateway } from "../testing/linked-gateway.ts";
import { digestOf, functionBundle } from "../testing/test-control.ts";

/** Starts a control server for gateways in other processes; the gateways of these tests are in this one, with links like any other. */
async function startControl(t: TestContext, options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const dataDir = join(tempDir("gateways"), "data");
  const server = await startServer({ dataDir, port: 0, logLevel: "silent", auth: false, gateways: {}, ...options });
  t.after(() => server.stop());
  return server;
}

async function startGateway(t: TestContext, server: RunningServer, name = "a") {
  const gateway = await startLinkedGateway(server, name);
  t.after(() => gateway[Symbol.asyncDispose]());
  return gateway;
}

/** Deploys acme/x and waits until it is ready, or only registered if it has no replicas. */
async function deploy(server: RunningServer, code: string, settings: object = {}, endpoint = "x"): Promise<string> {
  const tar = await functionBundle(code);
  const digest = digestOf(tar);
  await sendControl(server, "PUT", `/-/bundles/${digest}`, tar);
  const path = `/-/orgs/acme/endpoints/${endpoint}`;
  const { revision } = await sendControl(server, "PUT", path, { artifact: { kind: "bundle", digest }, settings });
  const view = await sendControl(server, "GET", `${path}?wait=${revision}`);
  assert.match(view.phase, /ready|idle/);
  return revision;
}

const HELLO = "export const handler = () => 'hello';\n";

test("an endpoint that is deployed answers at every gateway, and one that is removed at none", async (t) => {
  const server = await startControl(t);
  const gateways = [await startGateway(t, server, "a"), await startGateway(t, server, "b")];
  await deploy(server, HELLO);
  for (const { url } of gateways)
    await eventually("the endpoint answers", async () => (await fetch(`${url}/acme/x`)).status === 200);
  await sendControl(server, "DELETE", "/-/orgs/acme/endpoints/x");
  for (const { url } of gateways)
    await eventually("the endpoint is removed", async () => {
      const response = await fetch(`${url}/acme/x`);
      return response.status === 404 && ((await response.json()) as { code: string }).code === "ENDPOINT_NOT_FOUND";
    });
});

test("the first calls of a cold endpoint at two gateways wake it once", async (t) => {
  const server = await startControl(t);
  const gateways = [await startGateway(t, server, "a"), await startGateway(t, server, "b")];
  await deploy(server, "export const handler = () => String(process.pid);\n", { replicas: 0 });
  await eventually("the gateways know it", () => gateways.every(({ view }) => view.registry.get("acme/x")));
  const calls = Array.from({ length: 20 }, (_, i) => fetch(`${gateways[i % 2]?.url}/acme/x`));
  const responses = await Promise.all(calls);
  const processes = new Set(await Promise.all(responses.map((response) => response.text())));
  assert.deepEqual([...new Set(responses.map(({ status }) => status))], [200]);
  assert.equal(processes.size, 1);
  assert.ok(responses.every(({ headers }) => headers.get("x-cold-start") === "true"));
});

test("a deployment switches every gateway to the new revision, and no call fails meanwhile", async (t) => {
  const server = await startControl(t);
  const gateways = [await startGateway(t, server, "a"), await startGateway(t, server, "b")];
  await deploy(server, "export const handler = () => 'one';\n");
  let isDone = false;
  const statuses = new Map<string, number>();
  const callers = gateways.map(async ({ url }) => {
    while (!isDone) {
      const response = await fetch(`${url}/acme/x`);
      const key = `${response.status} ${await response.text()}`;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
    }
  });
  await deploy(server, "export const handler = () => 'two';\n");
  for (const { url } of gateways)
    await eventually("the new revision answers", async () => (await (await fetch(`${url}/acme/x`)).text()) === "two");
  isDone = true;
  await Promise.all(callers);
  assert.deepEqual([...statuses.keys()].sort(), ["200 one", "200 two"]);
});

test("a revoked key is refused by every gateway within a second", async (t) => {
  const server = await startControl(t, { auth: true });
  const gateways = [await startGateway(t, server, "a"), await startGateway(t, server, "b")];
  await deploy(server, HELLO);
  const { id, token } = await sendControl(server, "POST", "/-/orgs/acme/keys", { scope: "invoke" });
  const call = async (url: string) =>
    (await fetch(`${url}/acme/x`, { headers: { Authorization: `Bearer ${token}` } })).status;
  for (const { url } of gateways) await eventually("the key is accepted", async () => (await call(url)) === 200);
  for (const { url } of gateways) assert.equal((await fetch(`${url}/acme/x`)).status, 401);
  await sendControl(server, "DELETE", `/-/orgs/acme/keys/${id}`);
  const revoked = performance.now();
  for (const { url } of gateways) await eventually("the key is refused", async () => (await call(url)) === 401);
  assert.ok(performance.now() - revoked < 1_000);
});

test("a changed limit of an organization reaches the gateways", async (t) => {
  const server = await startControl(t);
  const { url } = await startGateway(t, server);
  await deploy(server, HELLO);
  await sendControl(server, "PUT", "/-/orgs/acme", { limits: { bodySize: "10" } });
  const post = async () => (await fetch(`${url}/acme/x`, { method: "POST", body: "more than ten bytes" })).status;
  await eventually("the limit holds", async () => (await post()) === 413);
  await sendControl(server, "PUT", "/-/orgs/acme", { limits: { bodySize: null } });
  await eventually("the limit is gone", async () => (await post()) === 200);
});

test("calls at a gateway are in the log, the statistics and the metrics of the control server", async (t) => {
  const server = await startControl(t);
  const { url } = await startGateway(t, server);
  await deploy(server, HELLO);
  await eventually("the endpoint answers", async () => (await fetch(`${url}/acme/x`)).status === 200);
  await fetch(`${url}/acme/x/logged?secret=1`);
  const { endpoints } = await sendControl(server, "GET", "/-/orgs/acme/stats");
  assert.ok(endpoints[0].requests >= 2 && endpoints[0].p50Ms > 0);
  const log = await sendControl(server, "GET", "/-/orgs/acme/endpoints/x/logs?access=true");
  assert.match(JSON.stringify(log), /\/logged/);
  assert.doesNotMatch(JSON.stringify(log), /secret/);
  const metrics = await sendControl(server, "GET", "/-/metrics");
  assert.match(metrics, /faas_requests_total\{org="acme",endpoint="x",code="200"\} [2-9]/);
});

test("a call at a gateway is found by its request id as soon as its response is there", async (t) => {
  const server = await startControl(t);
  const gateways = [await startGateway(t, server, "a"), await startGateway(t, server, "b")];
  await deploy(server, HELLO);
  for (const { url } of gateways)
    await eventually("the endpoint answers", async () => (await fetch(`${url}/acme/x`)).status === 200);
  for (const { url } of gateways) {
    const id = (await fetch(`${url}/acme/x`)).headers.get("x-request-id");
    const { calls } = await sendControl(server, "GET", `/-/calls?requestId=${id}`);
    assert.deepEqual(
      calls.map(({ requestId }: { readonly requestId: string }) => requestId),
      [id],
    );
    const next = (await fetch(`${url}/acme/x`)).headers.get("x-request-id");
    const log = await sendControl(server, "GET", `/-/orgs/acme/endpoints/x/logs?access=true&requestId=${next}`);
    assert.match(JSON.stringify(log), /GET/);
  }
});

test("an endpoint stays while a call at a gateway lasts, and is idle afterwards", async (t) => {
  const server = await startControl(t);
  const { url, view } = await startGateway(t, server);
  const code =
    "export const handler = async () => { await new Promise((r) => setTimeout(r, 1500)); return 'late'; };\n";
  await deploy(server, code, { idleTimeout: "300ms" });
  await eventually("the endpoint is ready", () => view.registry.get("acme/x")?.replicas.length === 1);
  const response = await fetch(`${url}/acme/x`);
  assert.deepEqual([response.status, await response.text()], [200, "late"]);
  await eventually("it is idle", () => view.registry.get("acme/x")?.replicas.length === 0, { timeoutMs: 15_000 });
});

test("calls continue while the control server is started again, and calls for a cold endpoint are answered afterwards", async (t) => {
  const dataDir = join(tempDir("gateways"), "data");
  const options = { dataDir, port: 0, logLevel: "silent", auth: false, gateways: {} };
  let server = await startServer(options);
  t.after(() => server.stop());
  const { url, view } = await startGateway(t, server);
  await deploy(server, HELLO);
  await eventually("the endpoint answers", async () => (await fetch(`${url}/acme/x`)).status === 200);
  await server.stop();
  await eventually("the link is lost", () => view.state.link === "away");
  // Its replicas were child processes of the control server.
  const call = fetch(`${url}/acme/x`);
  server = await startServer(options);
  assert.equal((await call).status, 200);
  await eventually("the link is back", () => view.state.link === "linked");
});
