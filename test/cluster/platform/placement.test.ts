import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { Artifact, LimitsChange } from "@faas/core";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import type { V1Node, V1PodDisruptionBudget } from "@kubernetes/client-node";
import { ClusterServer } from "../cluster-server.ts";
import { eventually, eventuallyHolds } from "../eventually.ts";

/** The nodes on which replicas run, and what they may use there. */

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());
const image: Artifact = await server.instance.image('export const handler = () => "fine";\n');

async function limit(org: string, limits: LimitsChange): Promise<void> {
  const { status, body } = await server.send("PUT", `/-/orgs/${org}`, { limits });
  assert.ok(status < 300, JSON.stringify(body));
}

const listNodes = async () => (await server.api.call<{ items: V1Node[] }>("GET", "/api/v1/nodes")).items;

/** Creates an object without a namespace, which is removed after the test. */
async function create(t: { after(done: () => unknown): void }, path: string, object: KubernetesObject) {
  await server.api.call("POST", path, { body: object });
  t.after(() => server.api.call("DELETE", `${path}/${object.metadata?.name}`));
}

test("replicas are spread over the nodes, and are evicted one at a time while there are two", async () => {
  const key = `${server.org()}/x`;
  const [org] = key.split("/");
  await server.serve(key, image, { replicas: 2 });
  const ready = await eventuallyHolds(
    "two replicas",
    async () => (await server.pods(key)).filter(({ metadata }) => metadata?.deletionTimestamp === undefined),
    (pods) => pods.length === 2 && pods.every(({ status }) => status?.podIP !== undefined),
  );
  const nodes = await listNodes();
  const used = new Set(ready.map(({ spec }) => spec?.nodeName));
  assert.equal(used.size, Math.min(2, nodes.length));

  const budget = () => server.api.get<V1PodDisruptionBudget>("PodDisruptionBudget", `faas-${org}`, "x");
  const allowed = async () => (await budget())?.status?.disruptionsAllowed;
  await eventuallyHolds("one eviction is allowed", allowed, (count) => count === 1);
  await server.api.delete("PodDisruptionBudget", `faas-${org}`, "x");
  await eventually("the budget is recreated", budget);
  await server.serve(key, image, { replicas: 1 });
  await eventuallyHolds("the budget is gone", budget, (found) => found === undefined);
});

describe("an organization's placement", { concurrency: 3 }, () => {
  test("moves its replicas, and those that come", async (t) => {
    const org = server.org();
    await create(t, "/apis/scheduling.k8s.io/v1/priorityclasses", {
      ...{ apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name: org } },
      ...{ value: -5, preemptionPolicy: "Never" },
    } as KubernetesObject);
    await create(t, "/apis/node.k8s.io/v1/runtimeclasses", {
      ...{ apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: { name: org }, handler: "runc" },
    } as KubernetesObject);
    await server.serve(`${org}/x`, image, { replicas: 1, idleTimeout: "never" });
    await limit(org, {
      nodeSelector: { "kubernetes.io/os": "linux" },
      tolerations: ["example.com/dedicated=acme:NoSchedule"],
      ...{ priorityClass: org, runtimeClass: org },
    });
    const [pod] = await eventuallyHolds(
      "a pod with the placement alone",
      () => server.pods(`${org}/x`),
      (pods) => pods.length === 1 && pods[0]?.spec?.priorityClassName === org,
    );
    assert.deepEqual(
      [pod?.spec?.priority, pod?.spec?.runtimeClassName, pod?.spec?.nodeSelector],
      [-5, org, { "kubernetes.io/os": "linux" }],
    );
    assert.ok(pod?.spec?.tolerations?.some(({ key }) => key === "example.com/dedicated"));
    assert.equal(await server.text(`${org}/x`), "fine");
  });

  for (const [kind, name] of [
    ["PriorityClass", "priorityClass"],
    ["RuntimeClass", "runtimeClass"],
  ] as const) {
    test(`names a ${kind} that the cluster does not have`, async () => {
      const org = server.org();
      await limit(org, { [name]: "faas-missing" });
      const { failure } = await server.deploy(`${org}/x`, image);
      assert.equal(failure?.code, "POD_REFUSED");
      assert.match(failure?.detail ?? "", new RegExp(`no ${kind} "faas-missing", which the replicas of ${org}`));
    });
  }
});

test("extended resources are for organizations that may use them, and full nodes are named", async (t) => {
  const org = server.org();
  const resource = `example.com/${org}`.slice(0, 60);
  const [node] = await listNodes();
  const path = `/api/v1/nodes/${node?.metadata?.name}/status`;
  const setCapacity = (count: string | null) =>
    server.api.call("PATCH", path, {
      body: { status: { capacity: { [resource]: count }, allocatable: { [resource]: count } } },
      contentType: "application/merge-patch+json",
    });
  await setCapacity("1");
  t.after(() => setCapacity(null));
  const settings = { resources: { [resource]: 1 } };
  const register = () => server.send("PUT", `/-/orgs/${org}/endpoints/x`, { artifact: image, settings, dryRun: true });
  assert.equal((await register()).problem.code, "RESOURCE_NOT_ALLOWED");
  await limit(org, { resources: { [resource]: 2 } });
  await server.serve(`${org}/x`, image, { ...settings, idleTimeout: "never" });
  assert.equal(await server.text(`${org}/x`), "fine");
  const { failure } = await server.deploy(`${org}/y`, image, settings);
  assert.equal(failure?.code, "UNSCHEDULABLE");
  assert.ok(failure?.detail.includes(`Insufficient ${resource}`), failure?.detail);
});
