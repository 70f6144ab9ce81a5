import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplacementBackoff } from "./replacement-backoff.ts";

const delays = (backoff: ReplacementBackoff, count: number, readyMs: number) =>
  Array.from({ length: count }, () => backoff.next(readyMs));

test("replicas that were ready for half a minute are always replaced at once", () => {
  assert.deepEqual(new Set(delays(new ReplacementBackoff(), 100, 30_000)), new Set([0]));
});

test("an endpoint whose replicas keep exiting soon gets fewer and fewer replacements", () => {
  const seconds = delays(new ReplacementBackoff(), 13, 29_999).map((ms) => ms / 1000);
  assert.deepEqual(seconds, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
});

test("a replica that worked, and a new attempt, end the backoff", () => {
  const backoff = new ReplacementBackoff();
  delays(backoff, 20, 0);
  assert.equal(backoff.next(30_000), 0);
  delays(backoff, 20, 0);
  assert.equal(backoff.delayMs, 30_000);
  backoff.reset();
  assert.equal(backoff.delayMs, 0);
  assert.equal(backoff.next(0), 0);
});
