import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSpec, withDefaults } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import { KubernetesEndpoint } from "./endpoint.ts";
import { podFacts } from "./pods/pod-facts.ts";

const spec = endpointSpec(
  { org: "acme", endpoint: "x" },
  {
    id: "r1",
    createdAt: "",
    artifact: { kind: "image", reference: "r:5000/acme/x@sha256:1" },
    settings: withDefaults({}),
  },
);

const pod = (name: string, nodeName: string | undefined, status: V1Pod["status"] = {}): V1Pod => ({
  metadata: {
    name,
    namespace: "faas-acme",
    labels: { "faas/org": "acme", "faas/endpoint": "x", "faas/revision": "r1" },
  },
  spec: { containers: [{ name: "function" }], ...(nodeName === undefined ? {} : { nodeName }) },
  status,
});

test("a replica that is slow to start is told of once, with what it waits for; one that failed or is gone is not", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const told: string[] = [];
  const endpoint = new KubernetesEndpoint(spec, {
    startSeconds: 60,
    changed: () => {},
    ready: () => {},
    slow: (facts, waits) => told.push(`${facts.pod}: ${waits}`),
    lastLines: async () => [],
  });
  const see = (each: V1Pod) => endpoint.observePod(podFacts(each));
  see(pod("a", undefined));
  see(pod("b", "node1"));
  see(pod("c", undefined));
  see(pod("gone", undefined));
  const waiting = { name: "function", image: "", imageID: "", ready: false, restartCount: 0 };
  see(pod("refused", "node1", { containerStatuses: [{ ...waiting, state: { waiting: { reason: "ErrImagePull" } } }] }));
  t.mock.timers.tick(14_000);
  // The node took this one meanwhile.
  see(pod("c", "node1"));
  endpoint.podGone("gone");
  assert.deepEqual(told, []);
  t.mock.timers.tick(1_000);
  const node = "the node: its kubelet and its container runtime";
  assert.deepEqual(told, ["a: the scheduler", `b: ${node}`, `c: ${node}`]);
  t.mock.timers.tick(30_000);
  assert.equal(told.length, 3);
  endpoint.stop();
});
