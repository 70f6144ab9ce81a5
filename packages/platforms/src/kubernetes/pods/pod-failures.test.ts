import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { V1ContainerStatus } from "@kubernetes/client-node";
import { podFacts } from "./pod-facts.ts";
import { startTimeoutFailure, unreachableFailure, withLastLines } from "./pod-failures.ts";
import { pod, terminated } from "./testing/pods.ts";

describe("the failure of a pod", () => {
  const table: readonly [name: string, Partial<V1ContainerStatus>, code: string, detail: RegExp][] = [
    [
      "names an image that does not exist",
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
      "advises to log in if the registry requires a password",
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
      "says that an image is for another CPU",
      { state: { waiting: { reason: "ErrImagePull", message: "no match for platform in manifest: not found" } } },
      "IMAGE_PULL_FAILED",
      /for another CPU/,
    ],
    [
      "says that a text is not an image reference",
      { state: { waiting: { reason: "InvalidImageName", message: "couldn't parse image name" } } },
      "IMAGE_PULL_FAILED",
      /is not an image reference/,
    ],
    [
      "gives the reason why a container cannot be created",
      { state: { waiting: { reason: "CreateContainerConfigError", message: 'secret "s" not found' } } },
      "CONTAINER_REFUSED",
      /secret "s" not found/,
    ],
    [
      "names a program that is missing in the image",
      { state: terminated("StartError", 128, 'exec: "node": executable file not found in $PATH') },
      "CONTAINER_REFUSED",
      /"node": executable file not found/,
    ],
    ["names the memory limit", { state: terminated("OOMKilled", 137) }, "OUT_OF_MEMORY", /its limit of 128Mi/],
    ["names the exit code", { state: terminated("Error", 3) }, "REPLICA_EXITED", /exit code 3$/],
    [
      "counts repeated exits",
      {
        restartCount: 2,
        state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 20s" } },
        lastState: terminated("Error", 3),
      },
      "REPLICA_EXITED",
      /exit code 3, 3 times so far$/,
    ],
    [
      "advises to set a missing secret again",
      {
        state: {
          waiting: {
            reason: "CreateContainerConfigError",
            message: "couldn't find key API_KEY.0123456789ab in Secret faas-acme/faas-secrets",
          },
        },
      },
      "SECRET_UNAVAILABLE",
      /^The value of the secret "API_KEY" is no longer in the cluster: set it again with "faas secret set acme API_KEY"$/,
    ],
    [
      "advises to set all secrets again if their object is missing",
      { state: { waiting: { reason: "CreateContainerConfigError", message: 'secret "faas-secrets" not found' } } },
      "SECRET_UNAVAILABLE",
      /values of acme's secrets are no longer in the cluster/,
    ],
  ];
  for (const [name, container, code, detail] of table) {
    test(name, () => {
      const { failure } = podFacts(pod(container));
      assert.equal(failure?.code, code);
      assert.match(failure?.detail ?? "", detail);
    });
  }

  test("is absent while the container is being created", () => {
    assert.equal(podFacts(pod({ state: { waiting: { reason: "ContainerCreating" } } })).failure, undefined);
  });

  for (const [reason, message] of [
    [
      "ImageInspectError",
      'Failed to inspect image "": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"',
    ],
    ["ErrImagePull", "rpc error: code = Unavailable desc = error reading from server: EOF"],
    ["CreateContainerError", "rpc error: code = Unknown desc = server is not initialized yet"],
  ] as const)
    test(`is absent for ${reason} while the node's container runtime is unavailable`, () => {
      assert.equal(podFacts(pod({ state: { waiting: { reason, message } } })).failure, undefined);
    });

  for (const [resource, message] of [
    [
      "CPU",
      "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims.",
    ],
    [
      "pod slots",
      "0/2 nodes are available: 2 Too many pods. preemption: 0/2 nodes are available: 2 No preemption victims.",
    ],
  ] as const)
    test(`is absent while no node has enough ${resource}, and the scheduler's message is kept`, () => {
      const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }];
      const { unschedulable, failure } = podFacts(pod({}, { conditions }));
      assert.deepEqual([unschedulable, failure], [message, undefined]);
    });
});

test("the failure of a pod that only Kubernetes can connect to says what to do", () => {
  const { detail } = unreachableFailure("10.1.2.3");
  assert.match(detail, /cannot connect to it at 10\.1\.2\.3:8080.*faas install/);
});

test("withLastLines recognizes a program for another CPU by the last line", () => {
  const exit = { code: "REPLICA_EXITED", detail: "The function's process ended with exit code 1" } as const;
  const refined = withLastLines(exit, ["exec /program: exec format error"]);
  assert.equal(refined.code, "CONTAINER_REFUSED");
  assert.match(refined.detail, /another CPU than that of the node: exec \/program: exec format error$/);
  assert.equal(withLastLines(exit, ["exec format error", "something else"]), exit);
  assert.equal(withLastLines(exit, []), exit);
});

test("a start timeout has the line of the code that was still loading", () => {
  const failure = withLastLines(startTimeoutFailure(true, 60), ["a", "Still loading after 6 s, at lib/a.ts:3 (spin)"]);
  assert.equal(failure.detail, "The function did not load within 60 s: it was at lib/a.ts:3 (spin)");
});
