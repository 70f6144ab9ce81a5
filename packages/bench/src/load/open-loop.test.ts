import assert from "node:assert/strict";
import { test } from "node:test";
import { schedule } from "./open-loop.ts";

const load = { url: "http://127.0.0.1:1", rate: 100, durationMs: 50 };

test("schedule yields fixed arrivals in equal intervals", () => {
  assert.deepEqual([...schedule({ ...load, arrivals: "fixed" })], [0, 10, 20, 30, 40]);
});

test("schedule yields poisson arrivals in exponential intervals", () => {
  // -ln(1 - random) is 1 for this value: every interval is the mean one.
  const random = () => 1 - Math.exp(-1);
  const due = [...schedule({ ...load, arrivals: "poisson", random })];
  assert.deepEqual(
    due.map((ms) => Math.round(ms)),
    [0, 10, 20, 30, 40],
  );
});
