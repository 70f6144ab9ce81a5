import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { ClusterError } from "../client/cluster-error.ts";
import type { CallOptions } from "../client/requests.ts";
import { podFacts } from "../pods/pod-facts.ts";
import { CpuLimits } from "./cpu-limits.ts";

const ref = { org: "acme", endpoint: "x" };
const DEFERRED = "Node didn't have enough resource: cpu, requested: 250, used: 1900, capacity: 2000";

const forbidden = (reason: string) =>
  new ClusterError("CLUSTER_REFUSED", `pods "x-1" is forbidden: ${reason}`, 403, "Forbidden");
const aboveMaximum = forbidden("maximum cpu usage per Container is 500m");
const belowMinimum = forbidden("minimum cpu usage per Container is 200m");

interface Resources {
  readonly limits?: { readonly cpu: string };
  readonly requests?: { readonly cpu: string };
}

/** A pod whose node grants requests up to a limit, as the kubelet does. */
class FakePod {
  limit = "1000m";
  request = "25m";
  /** Patches of the pod, such as "limit 400m request 100m". */
  readonly patches: string[] = [];
  readonly pending: (string | undefined)[] = [];
  /** Thrown by the next patches. */
  readonly errors: Error[] = [];
  grantedUpTo = 10_000;
  #granted = { limits: { cpu: "1000m" }, requests: { cpu: "25m" } };
  readonly limits: CpuLimits;

  constructor(t: TestContext) {
    const ending = new AbortController();
    t.after(() => ending.abort());
    const onPending = (_: unknown, reason: string | undefined) => void this.pending.push(reason);
    const call = async <T>(_method: string, _path: string, options?: CallOptions) => this.#patched(options) as T;
    this.limits = new CpuLimits({ api: { call }, log: { warn() {} }, signal: ending.signal, onPending });
  }

  /** Reports the pod as it is now, until nothing is patched any more. */
  async settle(): Promise<void> {
    for (let patches = -1; patches !== this.patches.length; ) {
      patches = this.patches.length;
      for (let i = 0; i < 5; i++) await setImmediate();
      this.limits.observed(this.facts(true));
      for (let i = 0; i < 5; i++) await setImmediate();
    }
  }

  facts(isSeenByNode: boolean) {
    return podFacts(this.#pod(isSeenByNode));
  }

  async ready(): Promise<void> {
    this.limits.ready(this.facts(true));
    await this.settle();
  }

  async set(limitMillis: number, reservedMillis: number): Promise<readonly string[]> {
    const before = this.patches.length;
    this.limits.set(ref, { limitMillis, reservedMillis });
    await this.settle();
    return this.patches.slice(before);
  }

  #patched({ body }: CallOptions = {}): V1Pod {
    const error = this.errors.shift();
    if (error) throw error;
    const [container] = (body as { spec: { containers: { resources: Resources }[] } }).spec.containers;
    const { limits, requests } = container?.resources ?? {};
    if (limits) this.limit = limits.cpu;
    if (requests) this.request = requests.cpu;
    this.patches.push(
      [limits && `limit ${limits.cpu}`, requests && `request ${requests.cpu}`].filter(Boolean).join(" "),
    );
    return this.#pod(false);
  }

  #pod(isSeenByNode: boolean): V1Pod {
    const resources = { limits: { cpu: this.limit }, requests: { cpu: this.request } };
    const isGranted = Number.parseInt(this.request, 10) <= this.grantedUpTo;
    const deferred = { type: "PodResizePending", status: "True", reason: "Deferred", message: DEFERRED };
    if (isSeenByNode && isGranted) this.#granted = resources;
    const status = { resources: this.#granted };
    return {
      metadata: {
        name: "x-1",
        namespace: "faas-acme",
        labels: { "faas/org": "acme", "faas/endpoint": "x", "faas/revision": "r1" },
        annotations: { "faas/cpu-millis": "100" },
      },
      spec: { containers: [{ name: "function", resources }] },
      status: {
        conditions: isSeenByNode && !isGranted ? [deferred] : [],
        containerStatuses: [{ name: "function", image: "", imageID: "", ready: true, restartCount: 0, ...status }],
      },
    };
  }
}

describe("CpuLimits", () => {
  test("removes the startup boost of a pod that has become ready", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    assert.deepEqual(pod.patches, ["limit 100m"]);
  });

  test("does not touch a pod that is not ready yet, and gives it the present limit when it is", async (t) => {
    const pod = new FakePod(t);
    assert.deepEqual(await pod.set(400, 100), []);
    await pod.ready();
    assert.deepEqual(pod.patches, ["limit 400m"]);
  });

  test("raises the limit alone, then reserves for it, and lowers both", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    assert.deepEqual(await pod.set(400, 100), ["limit 400m"]);
    assert.deepEqual(await pod.set(400, 400), ["request 100m"]);
    assert.deepEqual(await pod.set(100, 100), ["limit 100m request 25m"]);
    assert.deepEqual(pod.pending, []);
  });

  test("changes nothing twice", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    await pod.set(400, 400);
    assert.deepEqual(await pod.set(400, 400), []);
  });

  test("withdraws a request that the node defers, keeps the limit, and says why until the load is over", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    pod.grantedUpTo = 100;
    assert.deepEqual(await pod.set(1000, 1000), ["limit 1000m request 250m", "request 25m"]);
    assert.equal(pod.pending.length, 1);
    assert.match(pod.pending[0] ?? "", /1 of 1 replicas may use 1000m CPU, .*: Deferred: Node didn't have enough/);
    await pod.set(100, 100);
    assert.equal(pod.pending.at(-1), undefined);
  });

  test("tries a deferred request again, and no longer reports it when the node grants it", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    pod.grantedUpTo = 100;
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await pod.set(1000, 1000);
    t.mock.timers.tick(10_000);
    await pod.settle();
    assert.deepEqual(pod.patches.slice(-2), ["request 250m", "request 25m"]);
    assert.equal(pod.pending.length, 1);
    pod.grantedUpTo = 10_000;
    t.mock.timers.tick(10_000);
    await pod.settle();
    assert.equal(pod.request, "250m");
    assert.deepEqual(pod.pending.slice(1), [undefined]);
  });

  test("raises the limit when a quota does not allow the request", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    await pod.set(1000, 100);
    pod.errors.push(
      new ClusterError(
        "CLUSTER_REFUSED",
        'The cluster rejected PATCH /x: pods "x-1" is forbidden: exceeded quota: faas',
        403,
        "Forbidden",
      ),
    );
    assert.deepEqual(await pod.set(900, 900), ["limit 900m"]);
    assert.match(pod.pending[0] ?? "", /no CPU could be reserved for that: exceeded quota: faas$/);
  });

  test("no longer reports a refused request when it is not needed any more, although the limit stays", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    await pod.set(1000, 100);
    pod.errors.push(new ClusterError("CLUSTER_REFUSED", "exceeded quota", 403, "Forbidden"));
    await pod.set(1000, 1000);
    pod.limits.set(ref, { limitMillis: 1000, reservedMillis: 100 });
    assert.equal(pod.pending.length, 2);
    assert.equal(pod.pending[1], undefined);
  });

  test("keeps a limit that the cluster does not let it raise, and says why", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    t.mock.timers.enable({ apis: ["setTimeout"] });
    pod.errors.push(aboveMaximum);
    assert.deepEqual(await pod.set(1000, 100), []);
    assert.deepEqual(pod.pending, [
      "1 of 1 replicas should be allowed 1000m CPU, but the cluster refuses that limit: maximum cpu usage per Container is 500m",
    ]);
    assert.deepEqual(await pod.set(1200, 100), []);
    assert.deepEqual(await pod.set(400, 100), ["limit 400m"]);
    assert.deepEqual(await pod.set(1000, 100), ["limit 1000m"]);
    assert.deepEqual(pod.pending.slice(1), [undefined]);
  });

  test("tries a refused limit again after a while, and no longer reports it when the cluster accepts it", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    t.mock.timers.enable({ apis: ["setTimeout"] });
    pod.errors.push(aboveMaximum, aboveMaximum);
    await pod.set(1000, 100);
    t.mock.timers.tick(10_000);
    await pod.settle();
    assert.equal(pod.limit, "100m");
    t.mock.timers.tick(10_000);
    await pod.settle();
    assert.equal(pod.limit, "1000m");
    assert.deepEqual(pod.pending.slice(1), [undefined]);
  });

  test("gives up the request first, and then the limit, if the cluster refuses both", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    pod.errors.push(aboveMaximum, aboveMaximum);
    assert.deepEqual(await pod.set(1000, 1000), []);
    assert.match(pod.pending.at(-1) ?? "", /the cluster refuses that limit: maximum cpu usage/);
    assert.deepEqual(await pod.set(100, 100), []);
    assert.equal(pod.pending.at(-1), undefined);
  });

  test("does not repeat at once a fall that the cluster refuses", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    await pod.set(1000, 1000);
    pod.errors.push(belowMinimum, belowMinimum);
    assert.deepEqual(await pod.set(100, 100), []);
    assert.deepEqual(pod.errors, []);
    assert.deepEqual([pod.limit, pod.request], ["1000m", "250m"]);
  });

  test("gives a claimed pod of the pool the limit of its endpoint, also when the node has no room for its request", async (t) => {
    const pod = new FakePod(t);
    pod.request = "1m";
    pod.facts(true);
    pod.grantedUpTo = 10;
    await pod.ready();
    assert.deepEqual([pod.limit, pod.request], ["100m", "1m"]);
    assert.match(pod.pending[0] ?? "", /1 of 1 replicas may use 100m CPU, .*Deferred/);
  });

  test("repeats a patch that failed", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    pod.errors.push(new ClusterError("CLUSTER_REFUSED", "try again", 500, "InternalError"));
    assert.deepEqual(await pod.set(400, 100), ["limit 400m"]);
  });

  test("leaves a deleted pod alone", async (t) => {
    const pod = new FakePod(t);
    await pod.ready();
    pod.limits.deleted(
      podFacts({
        metadata: { name: "x-1", namespace: "faas-acme", labels: { "faas/org": "acme", "faas/endpoint": "x" } },
      }),
    );
    pod.limits.set(ref, { limitMillis: 400, reservedMillis: 100 });
    await setImmediate();
    assert.deepEqual(pod.patches, ["limit 100m"]);
  });
});
