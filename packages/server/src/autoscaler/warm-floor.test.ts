import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WarmWindow } from "@faas/core";
import fc from "fast-check";
import { warmFloor } from "./warm-floor.ts";

const work: WarmWindow = { cron: "0 8 * * 1-5", timeZone: "Europe/Berlin", for: "10h", replicas: 2 };
const floorAt = (time: string, ...windows: WarmWindow[]) => warmFloor(windows, Date.parse(time)).replicas;

describe("the floor by warm windows", () => {
  test("holds from the beginning of a window until its end", () => {
    const at = (time: string) => floorAt(`2026-11-30T${time}+01:00`, work);
    assert.deepEqual([at("07:59:59.999"), at("08:00:00.000"), at("17:59:59.999"), at("18:00:00.000")], [0, 2, 2, 0]);
  });

  test("is 0 on a day that the cron expression leaves out", () => {
    assert.equal(floorAt("2026-11-29T12:00:00+01:00", work), 0);
  });

  test("is the largest number of windows that overlap", () => {
    const noon = { ...work, cron: "0 12 * * *", for: "1h", replicas: 5 };
    const low = { ...work, cron: "0 11 * * *", for: "3h", replicas: 1 };
    const at = (time: string) => floorAt(`2026-11-30T${time}:00+01:00`, work, noon, low);
    assert.deepEqual([at("11:30"), at("12:30"), at("13:30"), at("19:00")], [2, 5, 2, 0]);
  });

  test("holds over midnight", () => {
    const night = { ...work, cron: "0 22 * * 5", for: "8h" };
    const at = (time: string) => floorAt(`${time}:00+01:00`, night);
    assert.deepEqual([at("2026-12-04T23:00"), at("2026-12-05T05:59"), at("2026-12-05T06:00")], [2, 2, 0]);
    assert.equal(at("2026-12-05T22:30"), 0, "Saturday");
  });

  test("holds without a gap when the beginnings are closer than the length", () => {
    const always = { ...work, cron: "0 * * * *", for: "61m" };
    for (let minute = 0; minute < 90; minute++)
      assert.equal(warmFloor([always], Date.parse("2026-11-30T00:00:00Z") + minute * 60_000).replicas, 2);
  });

  test("begins at the same local time before and after the clock changes", () => {
    const at = (time: string) => floorAt(time, { ...work, cron: "0 8 * * *", for: "1h" });
    // On 29 March 2026 02:00 becomes 03:00, on 25 October 03:00 becomes 02:00.
    assert.deepEqual([at("2026-03-28T06:59Z"), at("2026-03-28T07:00Z"), at("2026-03-28T08:00Z")], [0, 2, 0]);
    assert.deepEqual([at("2026-03-29T05:59Z"), at("2026-03-29T06:00Z"), at("2026-03-29T07:00Z")], [0, 2, 0]);
    assert.deepEqual([at("2026-10-25T06:59Z"), at("2026-10-25T07:00Z"), at("2026-10-25T08:00Z")], [0, 2, 0]);
  });

  test("begins an hour later for a local time that is skipped", () => {
    const at = (time: string) => floorAt(time, { ...work, cron: "30 2 * * *", for: "30m" });
    assert.deepEqual([at("2026-03-29T01:29Z"), at("2026-03-29T01:30Z"), at("2026-03-29T02:00Z")], [0, 2, 0]);
  });

  test("begins once for a local time that is repeated", () => {
    const at = (time: string) => floorAt(time, { ...work, cron: "30 2 * * *", for: "30m" });
    assert.deepEqual([at("2026-10-25T00:30Z"), at("2026-10-25T01:00Z"), at("2026-10-25T01:30Z")], [2, 0, 0]);
  });

  test("holds through a repeated hour when there is a window for every hour", () => {
    const always = { ...work, cron: "0 * * * *", for: "1h" };
    for (let minute = 0; minute < 240; minute++)
      assert.equal(warmFloor([always], Date.parse("2026-10-25T00:00Z") + minute * 60_000).replicas, 2);
  });

  test("ignores a window whose expression only an earlier release accepted", () => {
    assert.equal(
      floorAt("2026-11-30T10:10:00Z", { ...work, cron: "10-20/15 * * * *", for: "1h" }, { ...work, replicas: 3 }),
      3,
    );
  });

  test("lasts for the elapsed time when the clock changes in between", () => {
    const night = { ...work, cron: "0 22 * * *", for: "8h" };
    // From 22:00 local time to 07:00 in spring, to 05:00 in autumn.
    assert.deepEqual([floorAt("2026-03-29T04:59Z", night), floorAt("2026-03-29T05:00Z", night)], [2, 0]);
    assert.deepEqual([floorAt("2026-10-25T03:59Z", night), floorAt("2026-10-25T04:00Z", night)], [2, 0]);
  });

  test("holds until the time that it names, and not longer than it is right", () => {
    const time = fc.integer({ min: Date.parse("2026-01-01T00:00Z"), max: Date.parse("2027-01-01T00:00Z") });
    const window = fc.record({
      cron: fc.constantFrom("*/5 * * * *", "0 8 * * 1-5", "30 2 * * *", "0 22 * * 6", "0 0 29 2 *"),
      timeZone: fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"),
      for: fc.constantFrom("1m", "3m", "1h", "8h", "7d"),
      replicas: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(window, { maxLength: 3 }),
        time,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, now, x) => {
          const { replicas, untilMs } = warmFloor(all, now);
          assert.ok(untilMs > now);
          if (untilMs === Number.POSITIVE_INFINITY) return;
          const later = Math.min(untilMs - 1, Math.floor(now + x * (untilMs - now)));
          assert.equal(warmFloor(all, later).replicas, replicas);
        },
      ),
      { numRuns: 100 },
    );
  });
});
