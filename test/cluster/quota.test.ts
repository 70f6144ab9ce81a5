import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { Quota } from "@faas/core";
import type { KubernetesObject } from "@faas/platforms/kubernetes-api";
import type { V1Deployment } from "@kubernetes/client-node";
import { ClusterServer } from "./cluster-server.ts";
import { until } from "./until.ts";

/** What all replicas of an organization may take, as it was set: nothing else counts, and a restart does not forget it. */

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());

const answers = { "index.mjs": 'export const handler = () => "fine";\n' };
const NO_ROOM = "The organization's quota has no room for a replica: ";

async function putQuota(org: string, quota: Quota): Promise<void> {
  const answer = await fetch(`${server.url}/-/orgs/${org}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ quota }),
  });
  assert.ok(answer.ok, await answer.text());
}

interface ResourceQuota extends KubernetesObject {
  readonly spec: { readonly hard: Readonly<Record<string, string>> };
}

describe("an organization's quota", { concurrency: 2 }, () => {
  test("is told in the numbers of the settings, and what serves goes on", async () => {
    const org = server.org();
    await putQuota(org, { replicas: 1, cpu: "300m" });
    const image = await server.instance.imageOf(answers);
    assert.equal((await server.deploy(`${org}/first`, image)).failure, undefined);

    const second = await server.deploy(`${org}/second`, image);
    assert.equal(second.failure?.code, "QUOTA_EXCEEDED");
    assert.equal(second.failure?.detail, `${NO_ROOM}it needs 1 replica, and 1 of 1 are taken`);
    const large = await server.deploy(`${org}/large`, image, { cpu: "400m" });
    assert.match(large.failure?.detail ?? "", /it needs 400m of CPU limit, and 100m of 300m are taken/);

    const next = await server.deploy(`${org}/first`, image, { env: { CHANGED: "yes" } });
    assert.equal(next.phase, "ready");
    assert.match(next.failure?.detail ?? "", /a new revision starts beside the one that serves$/);
    assert.equal(await server.text(`${org}/first`), "fine");
  });

  test("is not used up by replicas that start, which have more than their own for a moment", async () => {
    const org = server.org();
    await putQuota(org, { cpu: "300m" });
    const image = await server.instance.imageOf(answers);
    const view = await server.deploy(`${org}/three`, image, { replicas: 3, scaler: "fixed" });
    assert.equal(view.failure, undefined);
    await server.until(
      `${org}/three`,
      "three ready replicas",
      ({ replicas }) => replicas.filter(({ ready }) => ready).length === 3,
    );
    // No replica was to start with more than all may have together.
    const deployment = await server.api.get<V1Deployment>("Deployment", `faas-${org}`, "three");
    assert.equal(deployment?.spec?.template.spec?.containers[0]?.resources?.limits?.cpu, "300m");
  });
});

test("a quota that somebody deletes while no server runs is made again as it was set", async () => {
  const org = server.org();
  await putQuota(org, { replicas: 2, cpu: "1200m" });
  assert.equal((await server.deploy(`${org}/first`, await server.instance.imageOf(answers))).failure, undefined);
  const hard = async () => (await server.api.get<ResourceQuota>("ResourceQuota", `faas-${org}`, "faas"))?.spec.hard;
  const before = await hard();
  assert.equal(before?.pods, "2");
  await server.stop();
  await server.api.delete("ResourceQuota", `faas-${org}`, "faas");
  await server.start();
  assert.deepEqual(await until("the quota", hard, (seen) => seen !== undefined), before);
});
