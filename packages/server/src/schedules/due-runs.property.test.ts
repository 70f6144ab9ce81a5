import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCron, timesBetween } from "@faas/core";
import fc from "fast-check";
import { decideRuns, lastTimes, ON_TIME_MS } from "./due-runs.ts";

const NOW = Date.parse("2026-11-30T08:00:00Z");
const minutes = fc
  .uniqueArray(fc.integer({ min: 0, max: 300 }), { maxLength: 40 })
  .map((ages) => ages.sort((a, b) => b - a).map((age) => NOW - age * 30_000));
const missed = fc.oneof(fc.constantFrom("once" as const, "skip" as const), fc.integer({ min: 1, max: 50 }));
const input = fc.record({
  dueMs: minutes,
  nowMs: fc.constant(NOW),
  missed,
  overlap: fc.constantFrom(true, undefined),
  isRunning: fc.boolean(),
});

test("each time has a run or is skipped, once", () => {
  fc.assert(
    fc.property(input, (given) => {
      const { overlap, ...rest } = given;
      const { runs, skipped } = decideRuns({ ...rest, ...(overlap ? { overlap } : {}) });
      const all = [...runs, ...skipped.map(({ dueMs }) => dueMs)].sort((a, b) => a - b);
      assert.deepEqual(all, given.dueMs);
      assert.deepEqual(
        [...runs],
        [...runs].sort((a, b) => a - b),
      );
    }),
  );
});

test("a run that is on time begins, unless the previous one has not ended", () => {
  fc.assert(
    fc.property(input, ({ overlap, ...given }) => {
      const { runs, skipped } = decideRuns({ ...given, ...(overlap ? { overlap } : {}) });
      const onTime = given.dueMs.filter((time) => NOW - time <= ON_TIME_MS);
      if (given.isRunning && !overlap) assert.deepEqual(runs, []);
      else assert.ok(onTime.every((time) => runs.includes(time)));
      const overlaps = skipped.filter(({ reason }) => reason === "overlap");
      if (!given.isRunning || overlap) assert.deepEqual(overlaps, []);
    }),
  );
});

test("as many missed runs begin, counted from the last one, as the schedule says", () => {
  fc.assert(
    fc.property(input, ({ dueMs, missed }) => {
      const late = dueMs.filter((time) => NOW - time > ON_TIME_MS);
      const { runs } = decideRuns({ dueMs, nowMs: NOW, missed, isRunning: false });
      const madeUp = runs.filter((time) => NOW - time > ON_TIME_MS);
      const most = missed === "skip" ? 0 : missed === "once" ? (runs.length > madeUp.length ? 0 : 1) : missed;
      assert.deepEqual(madeUp, most === 0 ? [] : late.slice(-most));
    }),
  );
});

test("after an hour without the server, a schedule of every ten minutes runs once, or not, or as often as it says", () => {
  const dueMs = [50, 40, 30, 20, 10].map((age) => NOW - age * 60_000);
  const runsOf = (missed?: "skip" | "once" | number) =>
    decideRuns({ dueMs, nowMs: NOW, ...(missed === undefined ? {} : { missed }), isRunning: false }).runs.length;
  assert.deepEqual([runsOf(), runsOf("once"), runsOf("skip"), runsOf(3), runsOf(100)], [1, 1, 0, 3, 5]);
});

test("the last times of any span are the end of all of its times", () => {
  const cron = fc
    .constantFrom("* * * * *", "*/7 * * * *", "0 2 * * *", "30 2 * * 0", "0 0 1 * *", "0 0 29 2 *")
    .map((text) => parseCron(text));
  const zone = fc.constantFrom("UTC", "Europe/Berlin", "Australia/Lord_Howe");
  const span = fc.integer({ min: 0, max: 40 * 86_400_000 });
  fc.assert(
    fc.property(cron, zone, span, fc.integer({ min: 1, max: 30 }), (expression, timeZone, spanMs, count) => {
      const until = Date.parse("2027-04-10T12:34:56Z");
      const all = timesBetween(expression, timeZone, until - spanMs, until, Number.POSITIVE_INFINITY);
      assert.deepEqual(lastTimes(expression, timeZone, until - spanMs, until, count), all.slice(-count));
    }),
    { numRuns: 40 },
  );
});
