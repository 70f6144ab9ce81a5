import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type EndpointSpec, endpointSpec, withDefaults } from "@faas/core";
import { KubernetesPlatform } from "@faas/platforms/kubernetes";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { runInformer } from "../../../packages/platforms/src/kubernetes/client/informer.ts";
import { TestInstance } from "../cluster.ts";
import { eventually } from "../eventually.ts";

/** A replica starts with more CPU than its endpoint's limit, and is reduced to that in place. */

interface Resources {
  readonly limits?: Readonly<Record<string, string>>;
}

interface Pod extends KubernetesObject {
  readonly spec: { readonly containers: readonly { readonly resources: Resources }[] };
  readonly status: {
    readonly qosClass?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly containerID?: string;
      readonly restartCount: number;
      readonly resources?: Resources;
    }[];
  };
}

interface Deployment extends KubernetesObject {
  readonly spec: { readonly template: Pick<Pod, "spec"> };
}

const requested = ({ spec }: Pick<Pod, "spec">) => spec.containers[0]?.resources.limits?.cpu;
const enforced = ({ status }: Pod) => status.containerStatuses?.[0]?.resources?.limits?.cpu;
const isReady = ({ status }: Pod) =>
  status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;

describe("the startup boost", { concurrency: 2 }, () => {
  let instance: TestInstance;
  before(async () => {
    instance = await TestInstance.create();
  });
  after(() => instance[Symbol.asyncDispose]());

  const connect = (more: { startupCpuMillis?: number } = {}) =>
    KubernetesPlatform.connect({ dataDir: join(instance.folder, "data"), instance: instance.name, ...more });
  const specOf = async (org: string): Promise<EndpointSpec> => {
    const artifact = await instance.image('export const handler = () => "up";');
    const settings = withDefaults({ cpu: "100m" });
    return endpointSpec({ org, endpoint: "x" }, { id: "0123456789ab", createdAt: "", artifact, settings });
  };
  /** Calls back with every observed state of an organization's pods. */
  const follow = (org: string, onObserved: (pod: Pod) => void) => {
    const ending = new AbortController();
    const options = { api: instance.api, labelSelector: `faas/org=${org}`, signal: ending.signal };
    const listed = (pods: readonly Pod[]) => pods.forEach(onObserved);
    void runInformer<Pod>("Pod", options, { listed, changed: onObserved, deleted: () => {} });
    return ending;
  };

  test("a pod starts with 1000m, and is reduced to 100m when it is ready, with the same container and QoS class", async () => {
    const org = instance.org();
    const states: Pod[] = [];
    const following = follow(org, (pod) => states.push(pod));
    await using platform = await connect();
    const spec = await specOf(org);
    await platform.applyOrg(org, {});
    await platform.apply(spec);
    await platform.scale(spec, 1);
    const settled = await eventually("the node enforces the endpoint's limit", () =>
      states.find((pod) => enforced(pod) === "100m"),
    );
    following.abort();
    const deployment = await instance.api.get<Deployment>("Deployment", `faas-${org}`, "x");
    assert.ok(deployment);
    assert.equal(requested(deployment.spec.template), "1");
    const [started] = states;
    assert.ok(started);
    assert.equal(requested(started), "1");
    assert.equal(requested(settled), "100m");
    assert.equal(settled.metadata?.uid, started.metadata?.uid);
    assert.deepEqual([started.status.qosClass, settled.status.qosClass], ["Burstable", "Burstable"]);
    const containers = states.flatMap(({ status }) => status.containerStatuses ?? []);
    assert.equal(new Set(containers.flatMap(({ containerID }) => containerID ?? [])).size, 1);
    assert.ok(containers.every(({ restartCount }) => restartCount === 0));

    for await (const [status] of platform.watch(AbortSignal.timeout(30_000))) {
      const [replica] = status?.replicas ?? [];
      if (replica?.cpuMillis !== 100) continue;
      assert.equal(replica.ready, true);
      return;
    }
    assert.fail("the platform did not report the endpoint's limit");
  });

  test("a pod keeps its boost while no server runs, and the next server removes it", async () => {
    const org = instance.org();
    const spec = await specOf(org);
    {
      await using platform = await connect();
      await platform.applyOrg(org, {});
      await platform.apply(spec);
      await platform.scale(spec, 1);
    }
    let pod: Pod | undefined;
    const following = follow(org, (state) => {
      pod = state;
    });
    const boosted = await eventually("the pod is ready", () => pod && isReady(pod) && pod);
    assert.deepEqual([requested(boosted), enforced(boosted)], ["1", "1"]);
    await using next = await connect();
    await next.applyOrg(org, {});
    await next.apply(spec);
    const settled = await eventually("the pod has the endpoint's limit", () => pod && enforced(pod) === "100m" && pod);
    following.abort();
    assert.equal(settled.metadata?.uid, boosted.metadata?.uid);
    assert.deepEqual(
      settled.status.containerStatuses?.map(({ containerID, restartCount }) => ({ containerID, restartCount })),
      boosted.status.containerStatuses?.map(({ containerID }) => ({ containerID, restartCount: 0 })),
    );
  });

  test("a pod starts with its own limit if that is higher", async () => {
    const org = instance.org();
    await using platform = await connect({ startupCpuMillis: 50 });
    const spec = await specOf(org);
    await platform.applyOrg(org, {});
    await platform.apply(spec);
    // A platform creates objects when it has listed everything.
    const deployment = await eventually("the Deployment is created", () =>
      instance.api.get<Deployment>("Deployment", `faas-${org}`, "x"),
    );
    assert.equal(deployment && requested(deployment.spec.template), "100m");
  });
});
