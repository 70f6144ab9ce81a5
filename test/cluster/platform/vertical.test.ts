import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type EndpointSpec,
  type EndpointStatus,
  type EndpointView,
  endpointSpec,
  type Limits,
  parseCpu,
  withDefaults,
} from "@faas/core";
import { KubernetesPlatform } from "@faas/platforms/kubernetes";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import type { V1LimitRange, V1Node, V1Pod } from "@kubernetes/client-node";
import { TestInstance } from "../cluster.ts";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";

/** The CPU of running replicas changes in place, as `setCpu` says, and with the load. */

const resourcesOf = (pod: V1Pod | undefined) => pod?.spec?.containers[0]?.resources;
const cpuOf = (pod: V1Pod | undefined) => [resourcesOf(pod)?.limits?.cpu, resourcesOf(pod)?.requests?.cpu];
const restartsOf = (pod: V1Pod | undefined) => pod?.status?.containerStatuses?.[0]?.restartCount;

describe("the CPU of running replicas", { concurrency: 2 }, () => {
  let instance: TestInstance;
  before(async () => {
    instance = await TestInstance.create();
  });
  after(() => instance[Symbol.asyncDispose]());

  /** Starts one replica, and waits until it has the CPU limit of its endpoint. */
  async function start(limits: Limits = {}) {
    const org = instance.org();
    const platform = await KubernetesPlatform.connect({
      dataDir: join(instance.folder, "data"),
      instance: instance.name,
    });
    const artifact = await instance.image('export const handler = () => "up";');
    const revision = { id: "0123456789ab", createdAt: "", artifact, settings: withDefaults({ cpu: "100m" }) };
    const spec: EndpointSpec = endpointSpec({ org, endpoint: "x" }, revision);
    await platform.applyOrg(org, limits);
    await platform.apply(spec);
    await platform.scale(spec, 1);
    const watching = new AbortController();
    let status: EndpointStatus | undefined;
    const followed = (async () => {
      for await (const statuses of platform.watch(watching.signal))
        status = statuses.find((each) => each.org === org && each.endpoint === "x");
    })();
    const untilStatus = (what: string, holds: (status: EndpointStatus) => boolean) =>
      eventually(what, () => (status && holds(status) ? status : undefined));
    await untilStatus("the replica has its endpoint's limit", ({ replicas }) => replicas[0]?.cpuMillis === 100);
    return {
      ...{ platform, spec, untilStatus },
      pod: async () => (await instance.api.list<V1Pod>("Pod", `faas-${org}`, "faas/endpoint=x"))[0],
      async [Symbol.asyncDispose]() {
        watching.abort();
        await followed;
        await platform[Symbol.asyncDispose]();
      },
    };
  }

  test("the limit, and what is reserved for it, rise and fall in the same container", async () => {
    await using endpoint = await start();
    const { platform, spec, pod, untilStatus } = endpoint;
    const uid = (await pod())?.metadata?.uid;
    platform.setCpu(spec, { limitMillis: 400, reservedMillis: 100 });
    await untilStatus("the node enforces 400m", ({ replicas }) => replicas[0]?.cpuMillis === 400);
    assert.deepEqual(cpuOf(await pod()), ["400m", "25m"]);
    platform.setCpu(spec, { limitMillis: 400, reservedMillis: 400 });
    await eventually("the request follows", async () => cpuOf(await pod())[1] === "100m");
    platform.setCpu(spec, { limitMillis: 100, reservedMillis: 100 });
    const { cpuPending } = await untilStatus(
      "the node enforces 100m",
      ({ replicas }) => replicas[0]?.cpuMillis === 100,
    );
    const last = await pod();
    assert.deepEqual(cpuOf(last), ["100m", "25m"]);
    assert.deepEqual([last?.metadata?.uid, restartsOf(last), cpuPending], [uid, 0, undefined]);
  });

  for (const [which, isMore, expected] of [
    ["a node could never make", 100, /didn't have enough allocatable resources: cpu/],
    ["its node has no room for now", -10, /: Deferred: Node didn't have enough resource: cpu/],
  ] as const)
    test(`a reservation that ${which} is withdrawn, the limit stays, and the status says why`, async () => {
      await using endpoint = await start();
      const { platform, spec, pod, untilStatus } = endpoint;
      // The second one takes some of the node's room.
      await platform.scale(spec, 2);
      await untilStatus(
        "both are ready",
        ({ replicas }) => replicas.filter(({ cpuMillis }) => cpuMillis === 100).length === 2,
      );
      const node = `/api/v1/nodes/${(await pod())?.spec?.nodeName}`;
      const { status } = await instance.api.call<V1Node>("GET", node);
      // A quarter is requested.
      const limitMillis = 4 * ((parseCpu(status?.allocatable?.cpu ?? "") ?? 0) + isMore);
      platform.setCpu(spec, { limitMillis, reservedMillis: limitMillis });
      const { cpuPending } = await untilStatus("it is reported", (each) => each.cpuPending !== undefined);
      assert.match(cpuPending ?? "", new RegExp(`of 2 replicas may use ${limitMillis}m CPU`));
      assert.match(cpuPending ?? "", expected);
      await untilStatus("the node enforces the limit", ({ replicas }) =>
        replicas.every(({ cpuMillis }) => cpuMillis === limitMillis),
      );
      assert.equal(cpuOf(await pod())[1], "25m");
      platform.setCpu(spec, { limitMillis: 100, reservedMillis: 100 });
      await untilStatus("it is over", (each) => each.cpuPending === undefined && each.replicas[0]?.cpuMillis === 100);
    });

  test("a reservation that the organization's quota does not allow is reported too, and the limit rises", async () => {
    await using endpoint = await start({ cpu: "200m" });
    const { platform, spec, pod, untilStatus } = endpoint;
    platform.setCpu(spec, { limitMillis: 1000, reservedMillis: 1000 });
    const { cpuPending } = await untilStatus("it is reported", (status) => status.cpuPending !== undefined);
    assert.match(cpuPending ?? "", /exceeded quota/);
    await untilStatus("the node enforces the limit", ({ replicas }) => replicas[0]?.cpuMillis === 1000);
    assert.deepEqual(cpuOf(await pod()), ["1", "25m"]);
  });
});

describe("a limit that the namespace does not allow", () => {
  test("stays as it is, is reported, and rises when the namespace allows it", async () => {
    await using server = await ClusterServer.start();
    const key = `${server.org()}/x`;
    const namespace = `faas-${key.split("/")[0]}`;
    const slow = `export const handler = async () => {
      await new Promise((done) => setTimeout(done, 300));
      return "done";
    };\n`;
    await server.serve(key, slow, { cpu: "100m", cpuMax: "1", maxReplicas: 2, idleTimeout: "never" });
    await server.waitFor(key, "the limit of the settings", ({ replicas }) => replicas[0]?.cpuMillis === 100);
    const max: V1LimitRange & KubernetesObject = {
      apiVersion: "v1",
      kind: "LimitRange",
      metadata: { name: "max", namespace },
      spec: { limits: [{ type: "Container", max: { cpu: "300m" } }] },
    };
    await server.api.apply(max);
    let done = false;
    const calling = Array.from({ length: 6 }, async () => {
      while (!done) assert.equal(await server.text(key), "done");
    });
    try {
      const { cpuPending, replicas } = await server.waitFor(key, "the reason", (view) => view.cpuPending !== undefined);
      assert.match(
        cpuPending ?? "",
        /should be allowed \d+m CPU, but the cluster refuses that limit: maximum cpu usage/,
      );
      assert.ok((replicas[0]?.cpuMillis ?? 0) <= 300);
      await server.api.delete("LimitRange", namespace, "max");
      await server.waitFor(key, "a higher limit", (view) => (view.replicas[0]?.cpuMillis ?? 0) > 300);
    } finally {
      done = true;
      await Promise.all(calling);
    }
  });
});

describe("load", { concurrency: true }, () => {
  const works = `export const handler = () => {
    const end = process.cpuUsage().user + 20_000;
    while (process.cpuUsage().user < end);
    return "done";
  };\n`;
  let server: ClusterServer;
  before(async () => {
    server = await ClusterServer.start();
  });
  after(() => server[Symbol.asyncDispose]());

  /** Calls an endpoint by six clients until it is disposed of, and checks each response. */
  function load(key: string) {
    let done = false;
    const calling = Array.from({ length: 6 }, async () => {
      while (!done) assert.equal(await server.text(key), "done");
    });
    return {
      async [Symbol.asyncDispose]() {
        done = true;
        await Promise.all(calling);
      },
    };
  }
  const isAt =
    (cpuMillis: number) =>
    ({ replicas }: EndpointView) =>
      replicas.every((replica) => replica.cpuMillis === cpuMillis);

  test("raises the limit of the only replica, without another one, and it falls afterwards", async () => {
    const key = `${server.org()}/busy`;
    await server.serve(key, works, { cpu: "100m", cpuMax: "800m", idleTimeout: "never" });
    await server.waitFor(key, "the limit of the settings", isAt(100));
    {
      await using _ = load(key);
      const { replicas } = await server.waitFor(key, "the maximum", isAt(800));
      assert.equal(replicas.length, 1);
    }
    await server.waitFor(key, "the limit of the settings", isAt(100));
  });

  test("adds a replica when the node cannot reserve the CPU that is needed, and the API says why", async () => {
    const key = `${server.org()}/large`;
    const [node] = (await server.api.call<{ items: V1Node[] }>("GET", "/api/v1/nodes")).items;
    // A quarter of it is requested, which together with the other pods is more than the node has.
    const most = 4 * ((parseCpu(node?.status?.allocatable?.cpu ?? "") ?? 0) - 10);
    await server.serve(key, works, { cpu: "100m", cpuMax: `${most}m`, maxReplicas: 2, replicas: 1 });
    await using _ = load(key);
    const { cpuPending } = await server.waitFor(key, "the reason", (view) => view.cpuPending !== undefined);
    assert.match(cpuPending ?? "", new RegExp(`of 1 replicas may use ${most}m CPU, but no CPU could be reserved`));
    await server.waitFor(key, "a second replica", ({ replicas }) => replicas.length === 2);
  });
});
