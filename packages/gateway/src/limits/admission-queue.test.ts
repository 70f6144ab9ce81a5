import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualTimers } from "../testing/manual-timers.ts";
import { AdmissionQueue } from "./admission-queue.ts";

/** Creates a queue, and calls that note their outcome. */
function setUp() {
  const timers = new ManualTimers();
  const state = { isUndecided: false, timeouts: 0 };
  const queue = new AdmissionQueue(
    {
      isUndecided: () => state.isUndecided,
      onTimeout: () => {
        state.timeouts++;
      },
    },
    timers,
  );
  const outcomes: string[] = [];
  const call = (name: string) => ({
    finished: false,
    onOrganizationSlot: () => outcomes.push(`${name} admitted`),
    onOrganizationFull: () => outcomes.push(`${name} rejected`),
  });
  return { timers, state, queue, outcomes, call };
}

test("admits calls in the order of their arrival, without those whose clients have disconnected", () => {
  const { queue, outcomes, call } = setUp();
  queue.push(call("first"));
  queue.push({ ...call("gone"), finished: true });
  queue.push(call("second"));
  assert.ok(queue.admitFirst());
  assert.ok(queue.admitFirst());
  assert.ok(!queue.admitFirst());
  assert.deepEqual(outcomes, ["first admitted", "second admitted"]);
});

test("rejects a call that got no slot in 50 ms, and reports that it no longer waits", () => {
  const { timers, state, queue, outcomes, call } = setUp();
  queue.push(call("one"));
  timers.advance(49);
  assert.deepEqual(outcomes, []);
  timers.advance(1);
  assert.deepEqual(outcomes, ["one rejected"]);
  assert.deepEqual([state.timeouts, queue.length], [1, 0]);
});

test("lets calls wait for up to five seconds while nobody can be asked for slots", () => {
  const { timers, state, queue, outcomes, call } = setUp();
  state.isUndecided = true;
  queue.push(call("one"));
  for (let waited = 0; waited < 4_950; waited += 50) timers.advance(50);
  assert.deepEqual(outcomes, []);
  timers.advance(50);
  assert.deepEqual(outcomes, ["one rejected"]);
});

test("rejects further calls at once when a thousand wait", () => {
  const { queue, call } = setUp();
  for (let index = 0; index < 1_000; index++) assert.ok(queue.push(call(`${index}`)));
  assert.ok(!queue.push(call("last")));
});
