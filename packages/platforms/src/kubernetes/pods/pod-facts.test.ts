import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { deploymentTrouble, podFacts, unreachableTrouble, withLastLines } from "./pod-facts.ts";

/** What kubelets and controllers write, as it was seen on a cluster. */

function pod(container: Partial<V1ContainerStatus>, status: V1Pod["status"] = {}): V1Pod {
  return {
    metadata: {
      name: "x-1-a",
      namespace: "faas-acme",
      labels: { "faas/org": "acme", "faas/endpoint": "x", "faas/revision": "r1" },
      annotations: { "faas/cpu-millis": "100" },
    },
    spec: { containers: [{ name: "function", resources: { limits: { cpu: "1", memory: "134217728" } } }] },
    status: {
      ...status,
      containerStatuses: [
        { name: "function", image: "r:5000/acme/x@sha256:1", imageID: "", ready: false, restartCount: 0, ...container },
      ],
    },
  };
}

const terminated = (reason: string, exitCode: number, message?: string) => ({
  terminated: { reason, exitCode, ...(message === undefined ? {} : { message }) },
});

describe("a pod's trouble, in words", () => {
  const table: readonly [what: string, Partial<V1ContainerStatus>, code: string, detail: RegExp][] = [
    [
      "an image that does not exist",
      {
        state: {
          waiting: {
            reason: "ErrImagePull",
            message:
              'rpc error: code = NotFound desc = failed to pull and unpack image "r:5000/acme/x@sha256:1": failed to resolve reference "r:5000/acme/x@sha256:1": not found',
          },
        },
      },
      "IMAGE_PULL_FAILED",
      /cannot be pulled: failed to resolve reference "r:5000\/acme\/x@sha256:1": not found$/,
    ],
    [
      "a registry that wants a password",
      {
        state: {
          waiting: {
            reason: "ImagePullBackOff",
            message:
              'Back-off pulling image "r/x": ErrImagePull: failed to pull and unpack image "r/x": failed to resolve reference "r/x": unexpected status: 401 Unauthorized',
          },
        },
      },
      "IMAGE_PULL_FAILED",
      /401 Unauthorized; "faas org registry-login"/,
    ],
    [
      "an image for another CPU",
      { state: { waiting: { reason: "ErrImagePull", message: "no match for platform in manifest: not found" } } },
      "IMAGE_PULL_FAILED",
      /for another CPU/,
    ],
    [
      "no image reference at all",
      { state: { waiting: { reason: "InvalidImageName", message: "couldn't parse image name" } } },
      "IMAGE_PULL_FAILED",
      /is no image reference/,
    ],
    [
      "a container that cannot be made",
      { state: { waiting: { reason: "CreateContainerConfigError", message: 'secret "s" not found' } } },
      "CONTAINER_REFUSED",
      /secret "s" not found/,
    ],
    [
      "a program that is not in the image",
      { state: terminated("StartError", 128, 'exec: "node": executable file not found in $PATH') },
      "CONTAINER_REFUSED",
      /"node": executable file not found/,
    ],
    ["too much memory", { state: terminated("OOMKilled", 137) }, "OUT_OF_MEMORY", /its limit of 128Mi/],
    ["an exit", { state: terminated("Error", 3) }, "REPLICA_EXITED", /exit code 3$/],
    [
      "an exit again and again",
      {
        restartCount: 2,
        state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 20s" } },
        lastState: terminated("Error", 3),
      },
      "REPLICA_EXITED",
      /exit code 3, 3 times so far$/,
    ],
    [
      "a secret without a value",
      {
        state: {
          waiting: {
            reason: "CreateContainerConfigError",
            message: "couldn't find key API_KEY.0123456789ab in Secret faas-acme/faas-secrets",
          },
        },
      },
      "SECRET_UNAVAILABLE",
      /^The value of the secret "API_KEY" is no longer in the cluster: give it again with "faas secret set acme API_KEY"$/,
    ],
    [
      "no secrets at all",
      { state: { waiting: { reason: "CreateContainerConfigError", message: 'secret "faas-secrets" not found' } } },
      "SECRET_UNAVAILABLE",
      /values of acme's secrets are no longer in the cluster/,
    ],
  ];
  for (const [what, container, code, detail] of table) {
    test(what, () => {
      const { trouble } = podFacts(pod(container));
      assert.equal(trouble?.code, code);
      assert.match(trouble?.detail ?? "", detail);
    });
  }

  test("no trouble while it is being made", () => {
    assert.equal(podFacts(pod({ state: { waiting: { reason: "ContainerCreating" } } })).trouble, undefined);
  });

  for (const [reason, message] of [
    [
      "ImageInspectError",
      'Failed to inspect image "": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"',
    ],
    ["ErrImagePull", "rpc error: code = Unavailable desc = error reading from server: EOF"],
    ["CreateContainerError", "rpc error: code = Unknown desc = server is not initialized yet"],
  ] as const)
    test(`${reason} while the node's container runtime is away: it goes on when the runtime is back`, () => {
      assert.equal(podFacts(pod({ state: { waiting: { reason, message } } })).trouble, undefined);
    });

  for (const [what, message] of [
    [
      "CPU",
      "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims.",
    ],
    [
      "pod slots",
      "0/2 nodes are available: 2 Too many pods. preemption: 0/2 nodes are available: 2 No preemption victims.",
    ],
  ] as const)
    test(`no node takes it for want of ${what}: that may pass, and is told in the scheduler's words`, () => {
      const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }];
      const { unschedulable, trouble } = podFacts(pod({}, { conditions }));
      assert.deepEqual([unschedulable, trouble], [message, undefined]);
    });
});

describe("a pod", () => {
  test("whose container was started again is another replica", () => {
    assert.equal(podFacts(pod({})).replica, "x-1-a");
    const { replica, formerEnd } = podFacts(pod({ restartCount: 1, lastState: terminated("Error", 1) }));
    assert.equal(replica, "x-1-a.1");
    assert.equal(formerEnd?.code, "REPLICA_EXITED");
  });

  test("that only Kubernetes reaches is told with what to do", () => {
    const { detail } = unreachableTrouble(podFacts(pod({}, { podIP: "10.1.2.3" })));
    assert.match(detail, /cannot connect to it at 10\.1\.2\.3:8080.*faas install/);
  });

  test("tells the CPU limit that it has, and the one it is to have", () => {
    const { cpuMillis, enforcedCpuMillis, ownCpuMillis } = podFacts(pod({ resources: { limits: { cpu: "250m" } } }));
    assert.deepEqual([cpuMillis, enforcedCpuMillis, ownCpuMillis], [1000, 250, 100]);
  });
});

test("a program for another CPU is told by the last line that its start left", () => {
  const exit = { code: "REPLICA_EXITED", detail: "The function's process ended with exit code 1" } as const;
  const told = withLastLines(exit, ["exec /program: exec format error"]);
  assert.equal(told.code, "CONTAINER_REFUSED");
  assert.match(told.detail, /another CPU than the node's: exec \/program: exec format error$/);
  assert.equal(withLastLines(exit, ["exec format error", "something else"]), exit);
  assert.equal(withLastLines(exit, []), exit);
});

describe("a Deployment's trouble, in words", () => {
  const table: readonly [what: string, message: string, code: string, detail: RegExp][] = [
    [
      "a limit that is used up",
      'pods "x-1-a" is forbidden: exceeded quota: faas, requested: pods=1, used: pods=1, limited: pods=1',
      "REPLICAS_LIMITED",
      /limits have no room for a replica: it needs 1 replica, and 1 of 1 are taken$/,
    ],
    [
      "of CPU and memory: in what endpoints may take, which is four times what they request",
      "exceeded quota: faas, requested: limits.memory=268435456,requests.cpu=25m, used: limits.memory=0,requests.cpu=100m, limited: limits.memory=128Mi,requests.cpu=120m",
      "REPLICAS_LIMITED",
      /it needs 256Mi of memory, and 0 of 128Mi are taken; it needs 100m of CPU limit, and 400m of 480m are taken$/,
    ],
    [
      "a quota that is not ours",
      "exceeded quota: of-the-admin, requested: pods=1, used: pods=3, limited: pods=3",
      "REPLICAS_LIMITED",
      /: exceeded quota: of-the-admin, requested: pods=1, used: pods=3, limited: pods=3$/,
    ],
    [
      "pod security",
      'pods "x-1-a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
      "POD_REFUSED",
      /pod security refuses the replica/,
    ],
    ["an admission webhook", 'admission webhook "w" denied the request: no', "POD_REFUSED", /webhook "w" denied/],
  ];
  for (const [what, message, code, detail] of table) {
    test(what, () => {
      const condition = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message };
      const trouble = deploymentTrouble({ status: { conditions: [condition] } });
      assert.equal(trouble?.code, code);
      assert.match(trouble?.detail ?? "", detail);
    });
  }

  test("none when its pods can be made", () => {
    assert.equal(deploymentTrouble({ status: {} }), undefined);
  });
});
