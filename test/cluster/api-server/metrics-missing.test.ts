import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterServer } from "../cluster-server.ts";
import { ApiRelay } from "./relay.ts";

/** Path that an API server answers with 404 without a metrics server, and with 503 while that is down. */
const METRICS = "/apis/metrics.k8s.io";

test("a deployment with an autoscaler is rejected without a metrics server, before it changes anything", async () => {
  let relay: ApiRelay | undefined;
  await using control = await ClusterServer.start({
    proxy: async (folder) => {
      relay = await ApiRelay.start(folder);
      return relay;
    },
  });
  await using started = relay as unknown as ApiRelay;
  const org = control.instance.org();
  const artifact = await control.instance.image('export const handler = () => "here";');
  for (const status of [404, 503]) {
    started.rejected.set(METRICS, status);
    const path = `/-/orgs/${org}/endpoints/x`;
    const rejected = await control.send("PUT", path, { artifact, settings: { scaler: "cpu" } });
    assert.deepEqual([rejected.status, rejected.problem.code], [422, "METRICS_MISSING"]);
    assert.match(rejected.problem.detail, /install metrics-server, or deploy with --scaler concurrency$/);
    assert.equal((await control.send("GET", path)).status, 404);
    assert.equal(await control.instance.api.get("Namespace", undefined, `faas-${org}`), undefined);
  }
  // Other scalers need no metrics.
  assert.equal((await control.deploy(`${org}/x`, artifact, { scaler: "concurrency" })).phase, "ready");
  started.rejected.clear();
  assert.equal((await control.deploy(`${org}/x`, artifact, { scaler: "cpu" })).phase, "ready");
});
