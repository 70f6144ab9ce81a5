import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { LimitsChange, Problem } from "@faas/core";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import type { V1Deployment } from "@kubernetes/client-node";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";

/** The limits of an organization, which Kubernetes enforces too. */

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());

const source = { "index.mjs": 'export const handler = () => "fine";\n' };

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
  test("are reported in units of the settings, and do not affect serving replicas", async () => {
    const org = server.org();
    await putLimits(org, { replicas: 1, cpu: "300m" });
    const image = await server.instance.imageOf(source);
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
      "requests.ephemeral-storage": String(256 * 2 ** 30),
      "count/deployments.apps": "140",
    });

    const next = await server.deploy(`${org}/first`, image, { env: { CHANGED: "yes" } });
    assert.equal(next.phase, "ready");
    assert.match(next.failure?.detail ?? "", /a new revision starts beside the one that serves$/);
    assert.equal(await server.text(`${org}/first`), "fine");
  });

  test("do not count the startup boost of starting replicas", async () => {
    const org = server.org();
    await putLimits(org, { cpu: "300m" });
    const image = await server.instance.imageOf(source);
    const view = await server.deploy(`${org}/three`, image, { replicas: 3, scaler: "fixed" });
    assert.equal(view.failure, undefined);
    await server.waitFor(
      `${org}/three`,
      "three ready replicas",
      ({ replicas }) => replicas.filter(({ ready }) => ready).length === 3,
    );
    // A replica must not start with more CPU than the whole organization may use.
    const deployment = await server.api.get<V1Deployment>("Deployment", `faas-${org}`, "three");
    assert.equal(deployment?.spec?.template.spec?.containers[0]?.resources?.limits?.cpu, "300m");
  });
});

test("a ResourceQuota that was deleted while no server ran is recreated with the same limits", async () => {
  const org = server.org();
  await putLimits(org, { replicas: 2, cpu: "1200m" });
  assert.equal((await server.deploy(`${org}/first`, await server.instance.imageOf(source))).failure, undefined);
  const hard = async () => (await server.api.get<ResourceQuota>("ResourceQuota", `faas-${org}`, "faas"))?.spec.hard;
  const before = await hard();
  assert.equal(before?.pods, "2");
  await server.stop();
  await server.api.delete("ResourceQuota", `faas-${org}`, "faas");
  await server.start();
  assert.deepEqual(await eventually("the ResourceQuota is recreated", hard), before);
});
