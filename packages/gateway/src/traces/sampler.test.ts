import assert from "node:assert/strict";
import { test } from "node:test";
import { newTraceId } from "./random-ids.ts";
import { createSampler } from "./sampler.ts";

const PARENT = { traceId: "0".repeat(31).concat("1"), spanId: "1".repeat(16), random: true };

/** Returns the share of new traces that a sampler records, of many. */
function shareOf(ratio: number): number {
  const sampler = createSampler("parentbased_traceidratio", ratio);
  const count = 20_000;
  const sampled = Array.from({ length: count }, () => sampler.samples(newTraceId())).filter(Boolean);
  return sampled.length / count;
}

test("a ratio is the share of the traces that are recorded", () => {
  assert.equal(shareOf(0), 0);
  assert.equal(shareOf(1), 1);
  // Six standard deviations.
  assert.ok(Math.abs(shareOf(0.25) - 0.25) < 0.0184);
});

test("a parent-based sampler does what the caller has decided", () => {
  for (const name of ["parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"] as const) {
    const sampler = createSampler(name, 0.5);
    assert.equal(sampler.follows({ ...PARENT, sampled: true }), true);
    assert.equal(sampler.follows({ ...PARENT, sampled: false }), false);
  }
});

test("other samplers decide by themselves, whatever the caller has decided", () => {
  assert.equal(createSampler("always_on", 0).follows({ ...PARENT, sampled: false }), true);
  assert.equal(createSampler("always_off", 1).follows({ ...PARENT, sampled: true }), false);
  // The last digits of the trace id decide, so that every gateway decides the same.
  const ratio = createSampler("traceidratio", 0.5);
  assert.equal(ratio.follows({ ...PARENT, sampled: true }), false);
  assert.equal(ratio.follows({ ...PARENT, traceId: "f".repeat(32), sampled: false }), true);
});
