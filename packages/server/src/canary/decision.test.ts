import assert from "node:assert/strict";
import { test } from "node:test";
import { CallSample } from "./call-sample.ts";
import type { CanaryPlan } from "./canary-fields.ts";
import { decide } from "./decision.ts";
import { reasonFor, waitingFor } from "./reasons.ts";

const plan: CanaryPlan = {
  ...{ steps: [5, 25, 100], everyMs: 120_000, timeoutMs: 3_600_000 },
  limits: { errorRate: 0.01, p95: 1.5 },
};

/** Makes calls of which a share fails, with durations from 1 to 100 times `scaleMs`. */
function sampleOf(calls: number, errorRate = 0, scaleMs = 1): CallSample {
  const sample = new CallSample();
  const errors = Math.round(calls * errorRate);
  for (let i = 0; i < calls; i++) sample.record(i < errors ? 500 : 200, (1 + (i % 100)) * scaleMs);
  return sample;
}

const LATER = plan.everyMs;
const actionOf = (canary: CallSample, base: CallSample, elapsedMs = LATER) => decide({ canary, base, elapsedMs }, plan);

test("a revision that is as good as the old one advances, when the step's time is over", () => {
  const [canary, base] = [sampleOf(2_000, 0.001), sampleOf(38_000, 0.001)];
  assert.deepEqual(actionOf(canary, base), { action: "advance" });
  assert.deepEqual(actionOf(canary, base, LATER - 1), { action: "wait" });
});

test("a revision that fails more calls goes back at once", () => {
  assert.deepEqual(actionOf(sampleOf(100, 0.2), sampleOf(2_000, 0.001), 1_000), { action: "back", cause: "errors" });
  const reason = reasonFor("errors", { canary: sampleOf(100, 0.2), base: sampleOf(2_000, 0.001) }, plan, "old");
  assert.match(reason, /^20 % of 100 calls failed, and 0.1 % of 2000 calls of old: more than 1 % points above/);
});

test("a revision that fails all calls goes back after a handful of them", () => {
  assert.deepEqual(actionOf(sampleOf(10, 1), sampleOf(190), 1_000), { action: "back", cause: "errors" });
});

test("a slower revision goes back", () => {
  assert.deepEqual(actionOf(sampleOf(1_000, 0, 3), sampleOf(19_000), 1_000), { action: "back", cause: "p95" });
});

test("few calls decide nothing, whatever they are, until the step times out", () => {
  assert.deepEqual(actionOf(sampleOf(2, 0.5), sampleOf(38)), { action: "wait" });
  assert.deepEqual(actionOf(sampleOf(50), sampleOf(950)), { action: "wait" });
  assert.deepEqual(actionOf(new CallSample(), sampleOf(10_000)), { action: "wait" });
  assert.deepEqual(actionOf(sampleOf(10_000), new CallSample()), { action: "wait" });
  assert.deepEqual(actionOf(sampleOf(50), sampleOf(950), plan.timeoutMs), { action: "back", cause: "timeout" });
});

test("failures of both revisions at the same rate make none of them worse", () => {
  assert.deepEqual(actionOf(sampleOf(400, 0.5), sampleOf(7_600, 0.5)), { action: "wait" });
});

test("a step reports how many more calls it needs, and these suffice", () => {
  const [canary, base] = [sampleOf(100), sampleOf(1_900)];
  const text = waitingFor({ canary, base }, plan, 0);
  const more = Number(/^needs about (\d+) more calls/.exec(text)?.[1]);
  assert.ok(more > 100 && more < 2_000, text);
  assert.deepEqual(actionOf(sampleOf(100 + more), sampleOf(1_900 + more * 19)), { action: "advance" });
  assert.match(waitingFor({ canary: new CallSample(), base }, plan, 0), /waits for calls of both/);
  assert.match(waitingFor({ canary: sampleOf(9_000), base: sampleOf(90_000) }, plan, 5_000), /lasts 5s longer/);
});
