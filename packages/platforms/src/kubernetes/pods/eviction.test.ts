import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { podFacts } from "./pod-facts.ts";
import { pod, terminated } from "./testing/pods.ts";

/** Returns the facts of a pod that a node evicted, with a disk limit of 32 MiB. */
function evicted(message: string) {
  const observed = pod(
    { state: terminated("ContainerStatusUnknown", 137) },
    { phase: "Failed", reason: "Evicted", message },
  );
  const volumes = [{ name: "tmp", emptyDir: { sizeLimit: "33554432" } }];
  return podFacts({ ...observed, spec: { containers: [], ...observed.spec, volumes } });
}

describe("an evicted pod", () => {
  for (const message of [
    'Usage of EmptyDir volume "tmp" exceeds the limit "32Mi". ',
    'Container function exceeded its local ephemeral storage limit "96Mi". ',
    "Pod ephemeral local storage usage exceeds the total limit of containers 96Mi. ",
  ]) {
    test(`that wrote too much names its limit: ${message}`, () => {
      const { failure, deleting } = evicted(message);
      assert.deepEqual([failure?.code, failure?.evicted, deleting], ["OUT_OF_DISK", true, true]);
      assert.match(failure?.detail ?? "", /used more than its disk limit of 32Mi; deploy it with a larger --disk/);
    });
  }

  test("does not blame the disk limit for a copy of the code that is too large", () => {
    const { failure } = evicted('Usage of EmptyDir volume "code" exceeds the limit "10Gi". ');
    assert.equal(failure?.code, "OUT_OF_DISK");
    assert.match(failure?.detail ?? "", /dependencies and the code are too large for a warm pod/);
  });

  test("blames a full node, not the function", () => {
    const { failure } = evicted(
      "The node was low on resource: ephemeral-storage. Threshold quantity: 1, available: 0. ",
    );
    assert.deepEqual([failure?.code, failure?.evicted], ["CONTAINER_REFUSED", true]);
    assert.match(failure?.detail ?? "", /^The node evicted the pod: The node was low on resource: ephemeral-storage/);
  });
});
