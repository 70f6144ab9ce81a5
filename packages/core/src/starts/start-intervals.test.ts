import assert from "node:assert/strict";
import { test } from "node:test";
import { startIntervals } from "./start-intervals.ts";

const STAGES = [
  { stage: "scheduled", atMs: 100 },
  { stage: "ready", atMs: 300 },
] as const;

test("the stages of a start follow each other, and end when the replica is ready", () => {
  assert.deepEqual(startIntervals(STAGES, 0, 1_300), [
    { stage: "scheduled", began: 1_000, ended: 1_100 },
    { stage: "ready", began: 1_100, ended: 1_300 },
  ]);
});

test("stages before the wait are cut off", () => {
  assert.deepEqual(startIntervals(STAGES, 1_150, 1_300), [
    { stage: "scheduled", began: 1_150, ended: 1_150 },
    { stage: "ready", began: 1_150, ended: 1_300 },
  ]);
});

test("a start without stages has none", () => {
  assert.deepEqual(startIntervals([], 0, 1), []);
});
