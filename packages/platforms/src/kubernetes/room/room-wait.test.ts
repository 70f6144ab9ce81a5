import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Failure } from "../pods/pod-failures.ts";
import { lackedResources } from "./lacked-resources.ts";
import { RoomWait } from "./room-wait.ts";

// Messages as Kubernetes 1.36 writes them.
const full = (reasons: string) =>
  `0/1 nodes are available: ${reasons}. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.`;
const FULL = full("1 Insufficient cpu");
const TOO_SMALL =
  "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
const TAINTED =
  "0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";

/** Sets up the wait of a pod. */
function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const failures: Failure[] = [];
  const wait = new RoomWait((failure) => failures.push(failure));
  return { wait, failures, tick: (ms: number) => t.mock.timers.tick(ms) };
}

test("the scheduler's message names what full nodes lack, but not what small ones do", () => {
  assert.deepEqual(lackedResources(FULL), ["cpu"]);
  assert.deepEqual(lackedResources(full("1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods")), [
    "cpu",
    "memory",
    "pods",
  ]);
  for (const message of [TOO_SMALL, TAINTED, ""]) assert.deepEqual(lackedResources(message), []);
});

test("waits 30 s for others to give way, and again for later calls", (t) => {
  const { wait, failures, tick } = setUp(t);
  wait.observe(FULL);
  assert.deepEqual(wait.resources, ["cpu"]);
  tick(20_000);
  // The scheduler has tried again.
  wait.observe(full("1 Insufficient cpu, 1 Insufficient memory"));
  tick(9_999);
  assert.equal(failures.length, 0);
  tick(1);
  assert.deepEqual([failures[0]?.code, failures[0]?.passes], ["UNSCHEDULABLE", true]);
  assert.match(failures[0]?.detail ?? "", /preemption victims found for incoming pod\. It waited 30 s for room/);
  tick(30_000);
  assert.equal(failures.length, 2);
});

test("waits only 5 s if no node is large enough, or if room is not what nodes lack", (t) => {
  const { wait, failures, tick } = setUp(t);
  for (const message of [TOO_SMALL, TAINTED]) {
    wait.observe(message);
    tick(5_000);
    assert.deepEqual(failures.splice(0), [
      { code: "UNSCHEDULABLE", detail: `No node accepts the replica: ${message}` },
    ]);
    tick(60_000);
    assert.equal(failures.length, 0);
    wait.stop();
  }
});

test("a pod that is accepted in time has not failed", (t) => {
  const { wait, failures, tick } = setUp(t);
  for (const message of [FULL, TOO_SMALL]) {
    wait.observe(message);
    tick(4_000);
    wait.observe(undefined);
    tick(60_000);
    assert.deepEqual([failures.length, wait.resources], [0, []]);
  }
});
