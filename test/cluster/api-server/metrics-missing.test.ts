import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterServer } from "../cluster-server.ts";
import { ApiRelay } from "./relay.ts";

/** How an API server answers that has no metrics server (404), or one that is away (503). */
const METRICS = "/apis/metrics.k8s.io";

test("an autoscaler that would never get a figure is refused before anything is registered", async () => {
  let relay: ApiRelay | undefined;
  await using control = await ClusterServer.start({
    between: async (folder) => {
      relay = await ApiRelay.start(folder);
      return relay;
    },
  });
  await using between = relay as unknown as ApiRelay;
  const org = control.instance.org();
  const artifact = await control.instance.image('export const handler = () => "here";');
  for (const status of [404, 503]) {
    between.refused.set(METRICS, status);
    const path = `/-/orgs/${org}/endpoints/x`;
    const refused = await control.send("PUT", path, { artifact, settings: { scaler: "cpu" } });
    assert.deepEqual([refused.status, refused.problem.code], [422, "METRICS_MISSING"]);
    assert.match(refused.problem.detail, /install metrics-server, or deploy with --scaler concurrency$/);
    assert.equal((await control.send("GET", path)).status, 404);
    assert.equal(await control.instance.api.get("Namespace", undefined, `faas-${org}`), undefined);
  }
  // The other scalers ask for none.
  assert.equal((await control.deploy(`${org}/x`, artifact, { scaler: "concurrency" })).phase, "ready");
  between.refused.clear();
  assert.equal((await control.deploy(`${org}/x`, artifact, { scaler: "cpu" })).phase, "ready");
});
