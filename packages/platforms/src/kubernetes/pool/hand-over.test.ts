import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { eventually } from "@faas/testing";
import type { V1Pod } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import { podFacts } from "../pods/pod-facts.ts";
import type { DeletionPolicy } from "./deletion-policy.ts";
import { HandOvers } from "./hand-over.ts";

const ignore = () => {};
const POD: V1Pod = { metadata: { name: "warm-1", namespace: "faas-acme" } };
const OWNER = [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "x-5", uid: "uid-5", controller: true }];

interface Metadata {
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly annotations?: Readonly<Record<string, string | null>>;
  readonly ownerReferences?: unknown;
}

/** An endpoint that lacks one replica, and a cluster that records what is done to pods, in order. */
function cluster(t: TestContext, isActive: boolean) {
  const done: string[] = [];
  const set = {
    metadata: { name: "x-5", uid: "uid-5", generation: 1, labels: { "pod-template-hash": "5" } },
    spec: { replicas: 0 },
    status: { observedGeneration: 1 },
  };
  const policy = { isActive, failed: () => done.push("the policy has failed") };
  const api = {
    list: async () => [set],
    call: async (_: string, path: string, { body }: { body: { metadata: Metadata } }) => {
      const { labels = {}, annotations = {}, ownerReferences } = body.metadata;
      const pod = path.slice(path.lastIndexOf("/") + 1);
      if (ownerReferences) {
        assert.deepEqual(ownerReferences, OWNER);
        assert.equal(labels["pod-template-hash"], "5");
        assert.equal(labels["faas/warm"], null);
        const cost = annotations["controller.kubernetes.io/pod-deletion-cost"];
        assert.equal(cost, labels["faas/hand-over"] === "true" ? "-2147483648" : null);
        done.push(`${pod} is given to ${set.spec.replicas}${labels["faas/hand-over"] ? ", protected" : ""}`);
      } else if (labels["faas/hand-over"] === null) done.push(`${pod} is released`);
      else done.push(`${pod} is deleted first`);
    },
  };
  const endpoint = {
    desired: 1,
    spec: { org: "acme", endpoint: "x", revision: "r1", cpuMillis: 100 },
  } as unknown as KubernetesEndpoint;
  const handOvers = new HandOvers({
    api: api as unknown as KubernetesApi,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    signal: t.signal,
    policy: policy as unknown as DeletionPolicy,
  });
  const scale = (replicas: number) => {
    set.spec.replicas = replicas;
    set.metadata.generation++;
    done.push(`scaled to ${replicas}`);
  };
  return { done, endpoint, handOvers, handOver: handOvers.of(endpoint, [podFacts(POD)], true), scale, set };
}

const protectedPod = (more: V1Pod["metadata"] = {}): V1Pod => ({
  metadata: { ...POD.metadata, labels: { "faas/hand-over": "true" }, ...more },
});

test("a pod is given to its ReplicaSet before that wants it, and protected until its controller knows that it does", async (t) => {
  const { done, handOver, handOvers, scale, set } = cluster(t, true);
  await handOver.beforeScale();
  scale(1);
  const ended = handOver.afterScale(true);
  // The control server observes its own change.
  handOvers.observe(protectedPod());
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(done, ["warm-1 is given to 0, protected", "scaled to 1"]);
  set.status.observedGeneration = set.metadata.generation;
  await ended;
  assert.deepEqual(done.slice(2), ["warm-1 is released"]);
});

test("without the policy, a pod is given to its ReplicaSet when that wants one", async (t) => {
  const { done, handOver, scale } = cluster(t, false);
  await handOver.beforeScale();
  const ended = handOver.afterScale(true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(done, []);
  scale(1);
  await ended;
  assert.deepEqual(done, ["scaled to 1", "warm-1 is given to 1"]);
});

test("a pod is released at once when its endpoint has become idle", async (t) => {
  const { done, endpoint, handOver, scale, set } = cluster(t, true);
  await handOver.beforeScale();
  endpoint.desired = 0;
  scale(0);
  set.status.observedGeneration = set.metadata.generation;
  await handOver.afterScale(true);
  assert.deepEqual(done, ["warm-1 is given to 0, protected", "scaled to 0", "warm-1 is released"]);
});

test("a pod that replaces one needs no protection: the other is deleted first", async (t) => {
  const { done, handOver } = cluster(t, false);
  await handOver.inPlaceOf(podFacts({ metadata: { ...POD.metadata, name: "exited-1" } }));
  await handOver.afterScale(true);
  assert.deepEqual(done, ["exited-1 is deleted first", "warm-1 is given to 0"]);
});

test("a protected pod of an earlier process is released", async (t) => {
  const { done, handOvers } = cluster(t, true);
  handOvers.observe(protectedPod());
  await eventually("it is released", () => done.length > 0);
  assert.deepEqual(done, ["warm-1 is released"]);
});

test("a protected pod that is deleted shows that the policy does not work", async (t) => {
  const { done, handOver, handOvers } = cluster(t, true);
  await handOver.beforeScale();
  handOvers.observe(protectedPod({ deletionTimestamp: new Date() }));
  assert.deepEqual(done, ["warm-1 is given to 0, protected", "the policy has failed"]);
});

test("a protected pod that the control server deletes itself does not", async (t) => {
  const { done, handOver, handOvers } = cluster(t, true);
  await handOver.beforeScale();
  handOvers.abandon(podFacts(POD));
  handOvers.observe(protectedPod({ deletionTimestamp: new Date() }));
  assert.deepEqual(done, ["warm-1 is given to 0, protected"]);
});
