import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { podFacts } from "./pod-facts.ts";
import { pod, terminated } from "./testing/pods.ts";

describe("podFacts", () => {
  test("counts a pod with a restarted container as another replica", () => {
    assert.equal(podFacts(pod({})).replica, "x-1-a");
    const { replica, previousExit } = podFacts(pod({ restartCount: 1, lastState: terminated("Error", 1) }));
    assert.equal(replica, "x-1-a.1");
    assert.equal(previousExit?.code, "REPLICA_EXITED");
  });

  test("has the CPU limits of the spec, the node and the endpoint", () => {
    const { cpuMillis, enforcedCpuMillis, endpointCpuMillis } = podFacts(
      pod({ resources: { limits: { cpu: "250m" } } }),
    );
    assert.deepEqual([cpuMillis, enforcedCpuMillis, endpointCpuMillis], [1000, 250, 100]);
  });
});
