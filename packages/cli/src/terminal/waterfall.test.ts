import assert from "node:assert/strict";
import { test } from "node:test";
import { waterfall } from "./waterfall.ts";

test("each stage has a bar where its time is, and parts of a stage are indented", () => {
  const stages = [
    { name: "cold start", startMs: 0, durationMs: 60 },
    { name: "ready", startMs: 20, durationMs: 40, of: "cold start" },
    { name: "function", startMs: 60, durationMs: 40 },
  ];
  const bar = (from: number, to: number) => `${" ".repeat(from)}${"█".repeat(to - from)}`.padEnd(10);
  assert.deepEqual(waterfall(stages, 100, 40), [
    `cold start       0.0 ms │${bar(0, 6)}│     60.0 ms`,
    `  ready         20.0 ms │${bar(2, 6)}│     40.0 ms`,
    `function        60.0 ms │${bar(6, 10)}│     40.0 ms`,
  ]);
});

test("a stage that is too short for a column still has one", () => {
  const [line = ""] = waterfall([{ name: "queue", startMs: 99.99, durationMs: 0.01 }], 100, 40);
  assert.equal(line.match(/█/g)?.length, 1);
});
