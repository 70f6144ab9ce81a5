import assert from "node:assert/strict";
import { test } from "node:test";
import type { CoreV1Event, V1Deployment, V1PersistentVolumeClaim, V1Pod } from "@kubernetes/client-node";
import { isServerReady, podToWatch, type ServerFacts, serverFailure, serverProgress } from "./diagnose.ts";
import { urlOf } from "./server-address.ts";
import { settingsFor } from "./settings.ts";

const facts = (more: Partial<ServerFacts> = {}): ServerFacts => ({
  part: "server",
  deployment: {},
  pods: [],
  claim: { metadata: { namespace: "tools", name: "faas-data" }, status: { phase: "Bound" } },
  events: [],
  ...more,
});
const pod = (status: V1Pod["status"], createdMs = 0, deleting = false): V1Pod => ({
  metadata: {
    creationTimestamp: new Date(createdMs),
    ...(deleting ? { deletionTimestamp: new Date() } : {}),
  },
  spec: { containers: [{ name: "server", image: "r/faas/server@sha256:00" }] },
  ...(status ? { status } : {}),
});
const waiting = (reason: string, message = "", restartCount = 0): V1Pod =>
  pod({
    containerStatuses: [
      {
        ...{ name: "server", image: "r/faas/server", imageID: "", ready: false, restartCount },
        state: { waiting: { reason, message } },
        lastState: restartCount > 0 ? { terminated: { exitCode: 1 } } : {},
      },
    ],
  });
const event = (kind: string, reason: string, message: string, type = "Warning"): CoreV1Event => ({
  ...{ metadata: {}, reason, message, type },
  involvedObject: { kind },
});
const pending: V1PersistentVolumeClaim = {
  metadata: { namespace: "tools", name: "faas-data" },
  spec: { storageClassName: "fast" },
  status: { phase: "Pending" },
};
const unscheduled = (message: string): V1Pod =>
  pod({ conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }] });
const rejected = (message: string): V1Deployment => ({
  status: { conditions: [{ type: "ReplicaFailure", status: "True", message }] },
});

for (const [cause, given, code, words, isFinal] of [
  [
    "a missing storage class",
    {
      claim: pending,
      events: [event("PersistentVolumeClaim", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')],
    },
    "VOLUME_UNBOUND",
    /tools\/faas-data.*"fast".*not found.*--storage-class/,
    true,
  ],
  [
    "no volume and no default class",
    {
      claim: { ...pending, spec: {} },
      events: [event("PersistentVolumeClaim", "FailedBinding", "no persistent volumes available", "Normal")],
    },
    "VOLUME_UNBOUND",
    /default storage class.*no persistent volumes/,
    false,
  ],
  [
    "a volume that cannot be mounted",
    { pods: [waiting("ContainerCreating")], events: [event("Pod", "FailedMount", "timed out")] },
    "VOLUME_UNBOUND",
    /Cannot mount the volume of tools\/faas-data: timed out/,
    false,
  ],
  [
    "a missing image",
    { pods: [waiting("ImagePullBackOff", 'Back-off pulling image "r/faas/server": ErrImagePull: manifest unknown')] },
    "IMAGE_PULL_FAILED",
    /r\/faas\/server@sha256:00: manifest unknown/,
    true,
  ],
  [
    "an unreachable registry",
    { pods: [waiting("ErrImagePull", "dial tcp: connection refused")] },
    "IMAGE_PULL_FAILED",
    /connection refused.*--registry-pull/,
    false,
  ],
  [
    "a port in use",
    { pods: [unscheduled("0/1 nodes are available: 1 node(s) didn't have free ports")] },
    "UNSCHEDULABLE",
    /port 8887 .*--expose/,
    false,
  ],
  [
    "pod security",
    { part: "server", deployment: rejected('pods "x" is forbidden: violates PodSecurity "restricted:latest"') },
    "POD_REFUSED",
    /violates PodSecurity/,
    true,
  ],
  [
    "a used-up quota",
    { part: "server", deployment: rejected('pods "x" is forbidden: exceeded quota: q') },
    "POD_REFUSED",
    /exceeded quota/,
    false,
  ],
  [
    "a server that ended once",
    { pods: [waiting("CrashLoopBackOff", "", 1)] },
    "SERVER_NOT_READY",
    /exit code 1, 2 times/,
    false,
  ],
  [
    "a server that ends repeatedly",
    { pods: [waiting("CrashLoopBackOff", "", 3)] },
    "SERVER_NOT_READY",
    /4 times/,
    true,
  ],
] as const satisfies [string, Partial<ServerFacts>, string, RegExp, boolean][]) {
  test(`serverFailure names ${cause}`, () => {
    const failure = serverFailure(facts(given));
    assert.equal(failure?.code, code);
    assert.match(failure?.detail ?? "", words);
    assert.equal(failure?.isFinal, isFinal);
  });
}

test("serverFailure is undefined for a normal start", () => {
  for (const given of [
    {},
    { pods: [waiting("ContainerCreating")] },
    { claim: pending, events: [event("PersistentVolumeClaim", "WaitForFirstConsumer", "waiting", "Normal")] },
  ])
    assert.equal(serverFailure(facts(given)), undefined);
});

test("serverProgress names the current step of the start", () => {
  assert.equal(serverProgress(facts({ pods: [pod({}, 0, true)] })), "waiting for the previous server to stop");
  assert.equal(serverProgress(facts({ pods: [pod({})] })), "waiting for a node");
  const conditions = [{ type: "PodScheduled", status: "True" }];
  assert.equal(serverProgress(facts({ pods: [pod({ conditions })] })), "pulling the image and mounting the volume");
});

test("isServerReady requires one available pod of the current generation", () => {
  const status = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
  const ready = (more: object) =>
    isServerReady({ deployment: { metadata: { generation: 2 }, status: { ...status, ...more } } });
  assert.equal(ready({}), true);
  for (const other of [{ observedGeneration: 1 }, { updatedReplicas: 0 }, { availableReplicas: 0 }, { replicas: 2 }])
    assert.equal(ready(other), false);
});

test("podToWatch ignores pods that are being deleted", () => {
  const next = pod({}, 1);
  assert.equal(podToWatch([pod({}, 2, true), next, pod({}, 0)]), next);
});

test("podToWatch prefers a pod that does not run to newer ones that do", () => {
  const running = pod(
    {
      containerStatuses: [
        { ...{ name: "server", image: "", imageID: "" }, ready: false, restartCount: 0, state: { running: {} } },
      ],
    },
    2,
  );
  const stuck = unscheduled("0/1 nodes are available: 1 Insufficient cpu");
  assert.equal(podToWatch([stuck, running]), stuck);
  assert.equal(serverFailure(facts({ pods: [stuck, running] }))?.code, "UNSCHEDULABLE");
});

test("settingsFor keeps settings of the existing installation", () => {
  assert.deepEqual(settingsFor({ storage: undefined } as object), { storage: "1Gi", expose: "none" });
  const previous = { storage: "5Gi", expose: "nodeport", registryPush: "r" } as const;
  assert.deepEqual(settingsFor({ expose: "hostport" }, previous), { ...previous, expose: "hostport" });
});

test("urlOf returns the address for each exposure", () => {
  const service = {
    spec: { clusterIP: "10.96.0.9", ports: [{ port: 8887, nodePort: 30123 }] },
    status: { loadBalancer: { ingress: [{ hostname: "lb.example.com" }] } },
  };
  const on = pod({ hostIP: "fd00::2" });
  assert.equal(urlOf("none", service, on), "http://10.96.0.9:8887");
  assert.equal(urlOf("hostport", service, on), "http://[fd00::2]:8887");
  assert.equal(urlOf("nodeport", service, on), "http://[fd00::2]:30123");
  assert.equal(urlOf("loadbalancer", service, on), "http://lb.example.com:8887");
  assert.equal(urlOf("loadbalancer", {}, on), undefined);
});
