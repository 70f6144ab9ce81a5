import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizedSchedules, timesBetween } from "@faas/core";
import fc from "fast-check";
import { dueTimes, followTimes, type Job, readableCron, timesOf } from "./job.ts";

const ref = { org: "acme", endpoint: "jobs" };
const BEGIN = Date.parse("2027-03-27T20:00:00Z");

function jobOf(cron: string, timeZone: string): Job {
  const [schedule] = normalizedSchedules([{ cron, timeZone }]);
  assert.ok(schedule);
  const parsed = readableCron(ref, schedule);
  assert.ok(parsed);
  const times = timesOf(parsed, schedule);
  const entry = { times, lastMs: BEGIN, outcomes: [] };
  const job: Job = { ref, schedule, cron: parsed, times, entry, upcoming: [], nextMs: 0 };
  followTimes(job);
  return job;
}

test("a job sees each of its times once, however far the clock moves", () => {
  const cron = fc.constantFrom("* * * * *", "*/7 1-3 * * *", "30 2 * * *", "0 0 1 * *", "H H * * 1-5");
  const zone = fc.constantFrom("UTC", "Europe/Berlin", "Australia/Lord_Howe");
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 1, max: 90_000_000 })), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(cron, zone, steps, (text, timeZone, distances) => {
      const job = jobOf(text, timeZone);
      const seen: number[] = [];
      let nowMs = BEGIN;
      for (const distance of distances) {
        nowMs += distance;
        assert.equal(job.nextMs, timesBetween(job.cron, timeZone, job.entry.lastMs, Number.POSITIVE_INFINITY, 1)[0]);
        if (job.nextMs > nowMs) continue;
        const due = dueTimes(job, nowMs, Number.MAX_SAFE_INTEGER);
        seen.push(...due);
        job.entry = { ...job.entry, lastMs: due.at(-1) ?? nowMs };
        followTimes(job);
      }
      assert.deepEqual(seen, timesBetween(job.cron, timeZone, BEGIN, nowMs, Number.POSITIVE_INFINITY));
    }),
    { numRuns: 60 },
  );
});
