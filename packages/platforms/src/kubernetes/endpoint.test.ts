import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSpec, withDefaults } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import { type EndpointHost, KubernetesEndpoint } from "./endpoint.ts";
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

const host: EndpointHost = {
  startSeconds: 60,
  onChanged: () => {},
  onReplicaReady: () => {},
  onQuotaUsedUp: () => {},
  onSlowStart: () => {},
  onReplace: () => {},
  onNodesFull: () => {},
  lastLines: async () => [],
};

const failureCode = ({ status }: KubernetesEndpoint) => status.failure?.code;

const waitingPod = (name: string, reason: string, message = ""): V1Pod => {
  const container = { name: "function", image: "", imageID: "", ready: false, restartCount: 0 };
  return pod(name, "node1", { containerStatuses: [{ ...container, state: { waiting: { reason, message } } }] });
};

test("logs a replica that is slow to start once, with what it waits for, but not a failed or removed one", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const logged: string[] = [];
  const endpoint = new KubernetesEndpoint(spec, {
    ...host,
    onSlowStart: (facts, waitingFor) => logged.push(`${facts.pod}: ${waitingFor}`),
  });
  const observe = (observed: V1Pod) => endpoint.observePod(podFacts(observed));
  observe(pod("a", undefined));
  observe(pod("b", "node1"));
  observe(pod("c", undefined));
  observe(pod("removed", undefined));
  observe(waitingPod("failed", "ErrImagePull"));
  t.mock.timers.tick(14_000);
  // The node has accepted this one in the meantime.
  observe(pod("c", "node1"));
  endpoint.podDeleted("removed");
  assert.deepEqual(logged, []);
  t.mock.timers.tick(1_000);
  const node = "the node: its kubelet and its container runtime";
  assert.deepEqual(logged, ["a: the scheduler", `b: ${node}`, `c: ${node}`]);
  t.mock.timers.tick(30_000);
  assert.equal(logged.length, 3);
  endpoint.stop();
});

test("reports a missing secret only if it is still missing after 5 s, and then again in each attempt", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const endpoint = new KubernetesEndpoint(spec, host);
  const missing = waitingPod("a", "CreateContainerConfigError", 'secret "faas-secrets" not found');
  endpoint.observePod(podFacts(missing));
  t.mock.timers.tick(4_999);
  assert.equal(failureCode(endpoint), undefined);
  t.mock.timers.tick(1);
  assert.equal(failureCode(endpoint), "SECRET_UNAVAILABLE");
  endpoint.startAttempt();
  assert.equal(failureCode(endpoint), undefined);
  endpoint.observePod(podFacts(missing));
  assert.equal(failureCode(endpoint), "SECRET_UNAVAILABLE");
  endpoint.stop();
});

test("does not report a secret that arrives within 5 s", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const endpoint = new KubernetesEndpoint(spec, host);
  endpoint.observePod(podFacts(waitingPod("a", "CreateContainerConfigError", 'secret "faas-secrets" not found')));
  endpoint.observePod(podFacts(waitingPod("a", "ContainerCreating")));
  t.mock.timers.tick(5_000);
  assert.equal(failureCode(endpoint), undefined);
  endpoint.stop();
});

test("reports used-up limits only if they last for 5 s", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const endpoint = new KubernetesEndpoint(spec, host);
  const limited = { code: "REPLICAS_LIMITED", detail: "no more" } as const;
  endpoint.observeDeployment(limited);
  endpoint.observeDeployment(undefined);
  t.mock.timers.tick(5_000);
  assert.equal(failureCode(endpoint), undefined);
  endpoint.observeDeployment(limited);
  t.mock.timers.tick(5_000);
  assert.equal(failureCode(endpoint), "REPLICAS_LIMITED");
  endpoint.stop();
});

test("does not report used-up limits while a pod of its own is ending, and then soon", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const endpoint = new KubernetesEndpoint(spec, host);
  const ending = pod("a", "node1");
  endpoint.observePod(podFacts(ending));
  endpoint.observePod(podFacts({ ...ending, metadata: { ...ending.metadata, deletionTimestamp: new Date() } }));
  endpoint.observeDeployment({ code: "REPLICAS_LIMITED", detail: "no more" });
  t.mock.timers.tick(20_000);
  assert.equal(failureCode(endpoint), undefined);
  endpoint.podDeleted("a");
  t.mock.timers.tick(5_000);
  assert.equal(failureCode(endpoint), "REPLICAS_LIMITED");
  endpoint.stop();
});

test("replaces replicas that are killed while they start, and reports only those after the fifth", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const replaced: string[] = [];
  const endpoint = new KubernetesEndpoint(spec, { ...host, onReplace: (facts) => void replaced.push(facts.pod) });
  const names = ["a", "b", "c", "d", "e", "f"];
  for (const name of names) {
    assert.equal(failureCode(endpoint), undefined);
    const container = { name: "function", image: "", imageID: "", ready: false, restartCount: 0 };
    const killed = { ...container, state: { terminated: { exitCode: 137 } } };
    for (let observed = 0; observed < 2; observed++)
      endpoint.observePod(podFacts(pod(name, "node1", { containerStatuses: [killed] })));
    t.mock.timers.tick(0);
    endpoint.podDeleted(name);
    await new Promise(setImmediate);
  }
  assert.deepEqual(replaced, names.slice(0, 5));
  assert.equal(failureCode(endpoint), "REPLICA_EXITED");
  endpoint.stop();
});

test("reports the exit of a restarted container with its log lines, and lists the next replica", async () => {
  const { promise: changed, resolve } = Promise.withResolvers<void>();
  const endpoint: KubernetesEndpoint = new KubernetesEndpoint(spec, {
    ...host,
    onChanged: ({ status }) => status.failure && resolve(),
    lastLines: async ({ replica }, previous) => [`${replica} ${previous}`],
  });
  const container = { name: "function", image: "", imageID: "", ready: false };
  endpoint.observePod(podFacts(pod("a", "node1", { containerStatuses: [{ ...container, restartCount: 0 }] })));
  const lastState = { terminated: { exitCode: 3 } };
  endpoint.observePod(
    podFacts(pod("a", "node1", { containerStatuses: [{ ...container, restartCount: 1, lastState }] })),
  );
  await changed;
  const { failure, replicas } = endpoint.status;
  assert.deepEqual([failure?.code, failure?.lastLogLines], ["REPLICA_EXITED", ["a true"]]);
  assert.deepEqual(
    replicas.map(({ id }) => id),
    ["a.1"],
  );
  endpoint.stop();
});
