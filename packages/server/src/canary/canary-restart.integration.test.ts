import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, tempDir } from "@faas/testing";
import { startServer } from "../server.ts";
import { SteadyCalls } from "../testing/simulations/canary-calls.ts";
import { digestOf, functionBundle } from "../testing/test-control.ts";

const bundle = await functionBundle("export const handler = () => process.env.FAAS_REVISION;\n");
const artifact = { kind: "bundle", digest: digestOf(bundle) };
const PATH = "/-/orgs/acme/endpoints/x";

test("the next server on the data folder continues a canary in its step, with the calls that were counted", async (t) => {
  const dataDir = tempDir("canary");
  const start = () => startServer({ dataDir, port: 0, logLevel: "silent" });
  let server = await start();
  t.after(() => server.stop());
  const send = async (method: string, path: string, body?: object) => {
    const sent = body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await fetch(server.url + path, { method, ...sent });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    // biome-ignore lint/suspicious/noExplicitAny: the test knows its fields
    return (await response.json()) as any;
  };
  const put = (value: string, more: object = {}) =>
    send("PUT", PATH, { artifact, settings: { keepWarm: "0s", env: { VALUE: value } }, ...more });

  await fetch(`${server.url}/-/bundles/${digestOf(bundle)}`, { method: "PUT", body: new Uint8Array(bundle) });
  const { revision: old } = await put("1");
  await send("GET", `${PATH}?wait=${old}`);
  const canary = { steps: [50, 100], every: "1s", maxErrorRate: 5, maxP95: 100 };
  const { revision: next } = await put("2", { canary });
  await eventually("its share", async () => (await send("GET", PATH)).canary.state === "running");
  // Not enough for a decision.
  await eventually("counts that are on disk", async () => {
    await new SteadyCalls(`${server.url}/acme/x`, 2).done();
    return (await send("GET", PATH)).canary.seen?.canary.calls >= 10;
  });
  const before = (await send("GET", PATH)).canary;
  assert.equal(before.state, "running");
  await server.stop();

  server = await start();
  const { traffic, canary: after } = await send("GET", PATH);
  assert.deepEqual([after.state, after.stepAt, traffic.shares], ["running", before.stepAt, { [old]: 50, [next]: 50 }]);
  assert.ok(after.seen.canary.calls >= before.seen.canary.calls, `${after.seen.canary.calls} calls`);
  await using _ = new SteadyCalls(`${server.url}/acme/x`);
  const view = await send("GET", `${PATH}?wait=${next}&timeout=60s`);
  assert.deepEqual([view.revision, view.canary.state], [next, "promoted"]);
});
