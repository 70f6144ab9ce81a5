import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "@faas/testing";
import { CallSample } from "./call-sample.ts";
import { observedP95, p95Range } from "./percentile-bounds.ts";
import { logEvidence, lowerBound, upperBound } from "./rate-bounds.ts";

const prior = { tail: 25 };

test("evidence is a fair bet: its mean under the tested rate is 1", () => {
  const [calls, rate] = [40, 0.03];
  let [mean, weight] = [0, (1 - rate) ** calls];
  for (let hits = 0; hits <= calls; hits++) {
    mean += weight * Math.exp(logEvidence(hits, calls, rate, prior));
    weight *= ((calls - hits) / (hits + 1)) * (rate / (1 - rate));
  }
  assert.ok(Math.abs(mean - 1) < 1e-9, String(mean));
});

test("bounds enclose the observed rate, and shrink with more calls", () => {
  assert.deepEqual([lowerBound(0, 0, 0.05, prior), upperBound(0, 0, 0.05, prior)], [0, 1]);
  assert.deepEqual([lowerBound(0, 100, 0.05, prior), upperBound(100, 100, 0.05, prior)], [0, 1]);
  let width = 1;
  for (const calls of [100, 1_000, 10_000]) {
    const [low, high] = [lowerBound(calls / 50, calls, 0.05, prior), upperBound(calls / 50, calls, 0.05, prior)];
    assert.ok(low < 0.02 && high > 0.02 && high - low < width, `${calls}: ${low} to ${high}`);
    width = high - low;
  }
  // A fixed number of calls without errors would need 3 / 300.
  assert.ok(upperBound(0, 600, 0.05, prior) < 0.01);
});

test("looking after every call, the bounds of a rate miss it in fewer of many series than their level allows", () => {
  const random = seeded(7);
  const [series, calls, rate, level] = [400, 1_000, 0.02, 0.1];
  let missed = 0;
  for (let i = 0; i < series; i++) {
    let hits = 0;
    for (let n = 1; n <= calls; n++) {
      if (random() < rate) hits++;
      if (logEvidence(hits, n, rate, prior) <= -Math.log(level)) continue;
      missed++;
      break;
    }
  }
  assert.ok(missed > 0 && missed / series <= level, `${missed} of ${series}`);
});

test("looking after every 20 calls, the bounds of the 95th percentile miss it in fewer of many series than their level allows", () => {
  const random = seeded(3);
  const [series, calls, level] = [200, 1_500, 0.1];
  // Durations from 0 to 100 ms: the percentile is 95 ms.
  let missed = 0;
  for (let i = 0; i < series; i++) {
    const sample = new CallSample();
    for (let n = 1; n <= calls; n++) {
      sample.record(200, random() * 100);
      if (n % 20 !== 0) continue;
      const { low, high } = p95Range(sample.durations, level);
      // Durations are counted to within 3 %.
      if (low * 0.97 <= 95 && high * 1.03 >= 95) continue;
      missed++;
      break;
    }
  }
  assert.ok(missed / series <= level, `${missed} of ${series}`);
});

test("the range of the 95th percentile narrows, and a sample survives its record", () => {
  const sample = new CallSample();
  assert.deepEqual(p95Range(sample.durations, 0.05), { low: 0, high: Number.POSITIVE_INFINITY });
  for (let n = 0; n < 20_000; n++) sample.record(n % 50 === 0 ? 500 : 200, n % 100);
  const { low, high } = p95Range(sample.durations, 0.05);
  assert.ok(low > 85 && high < 105 && low < high, `${low} to ${high}`);
  assert.ok(Math.abs((observedP95(sample.durations) ?? 0) - 95) < 3);
  const restored = CallSample.from(JSON.parse(JSON.stringify(sample.toRecord())));
  assert.deepEqual([restored.calls, restored.errors], [20_000, 400]);
  assert.deepEqual(p95Range(restored.durations, 0.05), { low, high });
});

test("a WebSocket counts as a call without a duration", () => {
  const sample = new CallSample();
  sample.add(101, [[300, 2]]);
  assert.deepEqual([sample.calls, sample.errors, sample.durations.size], [2, 0, 0]);
});
