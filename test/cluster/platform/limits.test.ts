import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { LimitsChange, Problem } from "@faas/core";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import type { V1Deployment } from "@kubernetes/client-node";
import { ClusterServer } from "../cluster-server.ts";
import { until } from "../until.ts";

/** What all replicas of an organization may take, as it was set: nothing else counts, and a restart does not forget it. Kubernetes holds it too. */

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());

const answers = { "index.mjs": 'export const handler = () => "fine";\n' };

async function putLimits(org: string, limits: LimitsChange): Promise<void> {
  const answer = await fetch(`${server.url}/-/orgs/${org}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ limits }),
  });
  assert.ok(answer.ok, await answer.text());
}

interface ResourceQuota extends KubernetesObject {
  readonly spec: { readonly hard: Readonly<Record<string, string>> };
}

describe("an organization's limits", { concurrency: 2 }, () => {
  test("is told in the numbers of the settings, and what serves goes on", async () => {
    const org = server.org();
    await putLimits(org, { replicas: 1, cpu: "300m" });
    const image = await server.instance.imageOf(answers);
    assert.equal((await server.deploy(`${org}/first`, image)).failure, undefined);

    const register = async (endpoint: string, cpu: string) => {
      const answer = await fetch(`${server.url}/-/orgs/${org}/endpoints/${endpoint}`, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ artifact: image, settings: { cpu } }),
      });
      return { status: answer.status, problem: (await answer.json()) as Problem };
    };
    const second = await register("second", "100m");
    assert.deepEqual([second.status, second.problem.code], [409, "LIMIT_EXCEEDED"]);
    assert.match(
      second.problem.detail,
      /its other endpoints take 1 replica, this one asks for 1 replica, and the limit is 1 replica/,
    );
    await putLimits(org, { replicas: 2 });
    const large = await register("large", "400m");
    assert.match(large.problem.detail, /take 100m CPU, this one asks for 400m CPU, and the limit is 300m CPU/);
    await putLimits(org, { replicas: 1, endpoints: 7 });
    const quota = await server.api.get<ResourceQuota>("ResourceQuota", `faas-${org}`, "faas");
    assert.deepEqual(quota?.spec.hard, {
      pods: "1",
      "requests.cpu": "75m",
      "limits.memory": String(256 * 2 ** 30),
      "count/deployments.apps": "7",
    });

    const next = await server.deploy(`${org}/first`, image, { env: { CHANGED: "yes" } });
    assert.equal(next.phase, "ready");
    assert.match(next.failure?.detail ?? "", /a new revision starts beside the one that serves$/);
    assert.equal(await server.text(`${org}/first`), "fine");
  });

  test("is not used up by replicas that start, which have more than their own for a moment", async () => {
    const org = server.org();
    await putLimits(org, { cpu: "300m" });
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

test("the ResourceQuota of limits that somebody deletes while no server runs is made again as it was set", async () => {
  const org = server.org();
  await putLimits(org, { replicas: 2, cpu: "1200m" });
  assert.equal((await server.deploy(`${org}/first`, await server.instance.imageOf(answers))).failure, undefined);
  const hard = async () => (await server.api.get<ResourceQuota>("ResourceQuota", `faas-${org}`, "faas"))?.spec.hard;
  const before = await hard();
  assert.equal(before?.pods, "2");
  await server.stop();
  await server.api.delete("ResourceQuota", `faas-${org}`, "faas");
  await server.start();
  assert.deepEqual(await until("the ResourceQuota", hard, (seen) => seen !== undefined), before);
});
