import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, tempDir } from "@faas/testing";
import { startServer } from "../server.ts";
import { digestOf, functionBundle } from "../testing/test-control.ts";

/** A window that is always open, whenever this runs. */
const OPEN = { cron: "* * * * *", timeZone: "Europe/Berlin", for: "1h", replicas: 2 };

test("an endpoint has the replicas of an open window without a request, also after a restart, until the window is removed", async (t) => {
  const dataDir = tempDir("warm");
  const start = () => startServer({ dataDir, port: 0, logLevel: "silent" });
  let server = await start();
  t.after(() => server.stop());
  const path = "/-/orgs/acme/endpoints/x";
  const put = async (body: object) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(server.url + path, { method: "PUT", headers, body: JSON.stringify(body) });
    assert.ok(response.ok, await response.text());
  };
  const readyReplicas = async () => {
    const view = (await (await fetch(server.url + path)).json()) as { replicas: { ready: boolean }[] };
    return view.replicas.filter(({ ready }) => ready).length;
  };
  const tar = await functionBundle("export const handler = () => 'warm';\n");
  await fetch(`${server.url}/-/bundles/${digestOf(tar)}`, { method: "PUT", body: new Uint8Array(tar) });
  const artifact = { kind: "bundle", digest: digestOf(tar) };
  await put({ artifact, settings: { replicas: 0, idleTimeout: "100ms", warm: [OPEN] } });
  await eventually("two replicas are ready", async () => (await readyReplicas()) === 2);

  await server.stop();
  server = await start();
  await eventually("two replicas are ready after the restart", async () => (await readyReplicas()) === 2);

  await put({ settings: { warm: [] } });
  await eventually("the endpoint is idle", async () => (await readyReplicas()) === 0);
});
