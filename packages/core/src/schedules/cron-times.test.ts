import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseCron } from "./cron.ts";
import { nextTimes, timesBetween } from "./cron-times.ts";

/** Formats an instant as local time with its offset, by the runtime alone. */
function local(timeZone: string, ms: number): string {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "short" }).format(ms);
  const name = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" }).formatToParts(ms);
  return `${parts}${name.find(({ type }) => type === "timeZoneName")?.value.replace("GMT", "") || "Z"}`;
}

/** Times from `from` to `until`, both included, as local times with their offsets. */
function times(cron: string, timeZone: string, from: string, until: string): string {
  const found = timesBetween(parseCron(cron), timeZone, Date.parse(from) - 1, Date.parse(until), 100);
  return found.map((ms) => local(timeZone, ms)).join(" ");
}

interface ClockChange {
  readonly change: string;
  readonly timeZone: string;
  readonly from: string;
  readonly until: string;
  /** Expressions with their times from `from` to `until`. */
  readonly rows: readonly (readonly [cron: string, times: string])[];
}

/** Offsets are as the time zone database has them; the times were written by hand. */
const CHANGES: readonly ClockChange[] = [
  {
    change: "an hour forward at 02:00",
    timeZone: "Europe/Berlin",
    from: "2027-03-28T00:00+01:00",
    until: "2027-03-28T05:00+02:00",
    rows: [
      ["30 1 * * *", "01:30+01:00"],
      ["0 2 * * *", "03:00+02:00"],
      ["30 2 * * *", "03:30+02:00"],
      ["0,30 2 * * *", "03:00+02:00 03:30+02:00"],
      ["0 1-3 * * *", "01:00+01:00 03:00+02:00"],
      ["0 */2 * * *", "00:00+01:00 03:00+02:00 04:00+02:00"],
      ["0 * * * *", "00:00+01:00 01:00+01:00 03:00+02:00 04:00+02:00 05:00+02:00"],
      ["*/20 1-3 * * *", "01:00+01:00 01:20+01:00 01:40+01:00 03:00+02:00 03:20+02:00 03:40+02:00"],
      [
        "*/30 * 28 3 *",
        "00:00+01:00 00:30+01:00 01:00+01:00 01:30+01:00 03:00+02:00 03:30+02:00 04:00+02:00 04:30+02:00 05:00+02:00",
      ],
      ["30 2 28 3 *", "03:30+02:00"],
      ["30 2 * * 1-6", ""],
    ],
  },
  {
    change: "an hour back at 03:00",
    timeZone: "Europe/Berlin",
    from: "2027-10-31T00:00+02:00",
    until: "2027-10-31T04:00+01:00",
    rows: [
      ["30 1 * * *", "01:30+02:00"],
      ["30 2 * * *", "02:30+02:00"],
      ["0,30 2 * * *", "02:00+02:00 02:30+02:00"],
      ["0 1-3 * * *", "01:00+02:00 02:00+02:00 03:00+01:00"],
      ["0 */2 * * *", "00:00+02:00 02:00+02:00 04:00+01:00"],
      ["0 * * * *", "00:00+02:00 01:00+02:00 02:00+02:00 02:00+01:00 03:00+01:00 04:00+01:00"],
      ["*/30 2 * * *", "02:00+02:00 02:30+02:00"],
      ["30 * * * *", "00:30+02:00 01:30+02:00 02:30+02:00 02:30+01:00 03:30+01:00"],
    ],
  },
  {
    change: "an hour forward at 02:00",
    timeZone: "America/New_York",
    from: "2027-03-14T00:00-05:00",
    until: "2027-03-14T04:00-04:00",
    rows: [
      ["0,30 2 * * *", "03:00-04:00 03:30-04:00"],
      ["15 1-3 * * *", "01:15-05:00 03:15-04:00"],
      ["0 * * * *", "00:00-05:00 01:00-05:00 03:00-04:00 04:00-04:00"],
    ],
  },
  {
    change: "an hour back at 02:00",
    timeZone: "America/New_York",
    from: "2027-11-07T00:00-04:00",
    until: "2027-11-07T03:00-05:00",
    rows: [
      ["30 1 * * *", "01:30-04:00"],
      ["0,30 1 * * *", "01:00-04:00 01:30-04:00"],
      ["0 1,2 * * *", "01:00-04:00 02:00-05:00"],
      ["0 * * * *", "00:00-04:00 01:00-04:00 01:00-05:00 02:00-05:00 03:00-05:00"],
    ],
  },
  {
    change: "half an hour forward at 02:00",
    timeZone: "Australia/Lord_Howe",
    from: "2026-10-04T01:00+10:30",
    until: "2026-10-04T04:00+11:00",
    rows: [
      ["15 2 * * *", "02:45+11:00"],
      ["0,15,30 2 * * *", "02:30+11:00 02:45+11:00"],
      ["0 */2 * * *", "02:30+11:00 04:00+11:00"],
      ["0 * * * *", "01:00+10:30 03:00+11:00 04:00+11:00"],
      ["30 * * * *", "01:30+10:30 02:30+11:00 03:30+11:00"],
      ["*/30 * * * *", "01:00+10:30 01:30+10:30 02:30+11:00 03:00+11:00 03:30+11:00 04:00+11:00"],
    ],
  },
  {
    change: "half an hour back at 02:00",
    timeZone: "Australia/Lord_Howe",
    from: "2027-04-04T01:00+11:00",
    until: "2027-04-04T03:00+10:30",
    rows: [
      ["15 1 * * *", "01:15+11:00"],
      ["45 1 * * *", "01:45+11:00"],
      ["15,45 1 * * *", "01:15+11:00 01:45+11:00"],
      ["0 2 * * *", "02:00+10:30"],
      ["0 * * * *", "01:00+11:00 02:00+10:30 03:00+10:30"],
      ["30 * * * *", "01:30+11:00 01:30+10:30 02:30+10:30"],
      ["*/30 * * * *", "01:00+11:00 01:30+11:00 01:30+10:30 02:00+10:30 02:30+10:30 03:00+10:30"],
    ],
  },
  {
    change: "in the south, an hour forward at midnight",
    timeZone: "America/Santiago",
    from: "2026-09-05T22:00-04:00",
    until: "2026-09-06T02:00-03:00",
    rows: [
      ["0 0 * * *", "01:00-03:00"],
      ["30 0 * * *", "01:30-03:00"],
      ["30 0 6 9 *", "01:30-03:00"],
      ["30 0,23 * * *", "23:30-04:00 01:30-03:00"],
      ["0 * * * *", "22:00-04:00 23:00-04:00 01:00-03:00 02:00-03:00"],
    ],
  },
  {
    change: "in the south, an hour back at midnight, to the previous day",
    timeZone: "America/Santiago",
    from: "2027-04-03T22:00-03:00",
    until: "2027-04-04T01:00-04:00",
    rows: [
      ["0 0 * * *", "00:00-04:00"],
      ["30 23 * * *", "23:30-03:00"],
      ["30 0,23 * * 6", "23:30-03:00"],
      ["0 * * * *", "22:00-03:00 23:00-03:00 23:00-04:00 00:00-04:00 01:00-04:00"],
      ["0 * 3 4 *", "22:00-03:00 23:00-03:00 23:00-04:00"],
    ],
  },
  {
    change: "no change",
    timeZone: "Asia/Kolkata",
    from: "2027-03-28T00:00+05:30",
    until: "2027-03-28T03:00+05:30",
    rows: [
      ["30 2 * * *", "02:30+05:30"],
      ["0 * * * *", "00:00+05:30 01:00+05:30 02:00+05:30 03:00+05:30"],
    ],
  },
  {
    change: "an hour forward at midnight",
    timeZone: "America/Havana",
    from: "2027-03-13T23:00-05:00",
    until: "2027-03-14T02:00-04:00",
    rows: [
      ["0,30 0 * * *", "01:00-04:00 01:30-04:00"],
      ["0 0,1 * * *", "01:00-04:00"],
      ["0 * * * *", "23:00-05:00 01:00-04:00 02:00-04:00"],
    ],
  },
  {
    change: "an hour back at 01:00, to midnight",
    timeZone: "America/Havana",
    from: "2027-11-06T23:00-04:00",
    until: "2027-11-07T02:00-05:00",
    rows: [
      ["0 0 * * *", "00:00-04:00"],
      ["0,30 0 * * *", "00:00-04:00 00:30-04:00"],
      ["0 * * * *", "23:00-04:00 00:00-04:00 00:00-05:00 01:00-05:00 02:00-05:00"],
    ],
  },
  {
    change: "a day forward",
    timeZone: "Pacific/Apia",
    from: "2011-12-29T12:00-10:00",
    until: "2011-12-31T12:00+14:00",
    rows: [
      ["0 8 * * *", "08:00+14:00"],
      ["0 8 30 12 *", "08:00+14:00"],
      ["0 18,20 * * *", "18:00-10:00 20:00-10:00"],
      ["0 */6 * * *", "12:00-10:00 18:00-10:00 00:00+14:00 06:00+14:00 12:00+14:00"],
      ["0 * 30 12 *", ""],
    ],
  },
];

for (const { change, timeZone, from, until, rows } of CHANGES) {
  test(`${timeZone}: ${change}`, () => {
    for (const [cron, expected] of rows) assert.equal(times(cron, timeZone, from, until), expected, cron);
  });
}

test("times of a skipped end of the day move to the next day, in order with its own", () => {
  // In Nuuk, on 27 March 2027, 23:00 becomes 00:00.
  const between = (cron: string) => times(cron, "America/Nuuk", "2027-03-27T22:00-02:00", "2027-03-28T02:00-01:00");
  assert.equal(between("30 23 * * 6"), "00:30-01:00");
  assert.equal(between("0,30 0,23 * * *"), "00:00-01:00 00:30-01:00");
  assert.equal(between("15 0 * * 0"), "00:15-01:00");
  assert.equal(between("15 * * * *"), "22:15-02:00 00:15-01:00 01:15-01:00");
});

test("times are in order when the clock goes back from one day to the previous one", () => {
  // In St. John's, on 7 November 2010, 00:01 became 23:01.
  const found = times("*/30 * * * *", "America/St_Johns", "2010-11-06T23:00-02:30", "2010-11-07T00:30-03:30");
  assert.equal(found, "23:00-02:30 23:30-02:30 00:00-02:30 23:30-03:30 00:00-03:30 00:30-03:30");
});

test("a new hour in a list does not change the times of the others", () => {
  const [from, until] = ["2027-03-28T00:00Z", "2027-03-28T22:00Z"];
  for (const [one, both] of [
    ["30 2 * * *", "0,30 2 * * *"],
    ["30 2 * * *", "30 2,3 * * *"],
    ["30 2 * * *", "30 1-4 * * *"],
  ] as const)
    assert.ok(times(both, "Europe/Berlin", from, until).includes(times(one, "Europe/Berlin", from, until)));
});

describe("days", () => {
  const days = (cron: string, from: string, count: number) =>
    nextTimes(parseCron(cron), "UTC", Date.parse(from), count).map((ms) => new Date(ms).toISOString().slice(2, 10));

  test("match the day of month or the day of week if both are limited", () => {
    const friday13 = ["26-11-06", "26-11-13", "26-11-20", "26-11-27", "26-12-04", "26-12-11", "26-12-13"];
    assert.deepEqual(days("0 8 13 * 5", "2026-11-01T00:00Z", 7), friday13);
  });

  test("match one field if the other has all its values, however they are written", () => {
    const thirteenth = ["26-11-13", "26-12-13", "27-01-13"];
    for (const every of ["*", "*/1", "0-6", "1-7", "0-7", "sun-sat", "mon-sun", "1-3,4-7"])
      assert.deepEqual(days(`0 8 13 * ${every}`, "2026-11-01T00:00Z", 3), thirteenth, every);
    const fridays = ["26-11-06", "26-11-13", "26-11-20"];
    for (const every of ["*", "*/1", "1-31", "1-15,16-31"])
      assert.deepEqual(days(`0 8 ${every} * 5`, "2026-11-01T00:00Z", 3), fridays, every);
  });

  test("are those of the time zone", () => {
    const [time] = nextTimes(parseCron("0 0 1 1 *"), "Pacific/Kiritimati", Date.parse("2026-06-01T00:00Z"), 1);
    assert.equal(new Date(time as number).toISOString(), "2026-12-31T10:00:00.000Z");
  });

  test("are found also when they are years away", () => {
    assert.deepEqual(days("0 8 29 2 *", "2096-03-01T00:00Z", 2), ["04-02-29", "08-02-29"]);
    assert.deepEqual(days("0 8 31 12 *", "2026-12-31T08:00Z", 1), ["27-12-31"]);
  });
});

test("a time is after the given instant, also within a minute, and until the given one, included", () => {
  const cron = parseCron("0 8 * * *");
  const eight = Date.parse("2026-11-30T08:00Z");
  assert.deepEqual(nextTimes(cron, "UTC", eight - 1, 1), [eight]);
  assert.deepEqual(nextTimes(cron, "UTC", eight, 1), [eight + 86_400_000]);
  assert.deepEqual(timesBetween(cron, "UTC", eight - 1, eight, 9), [eight]);
  assert.deepEqual(timesBetween(cron, "UTC", eight, eight, 9), []);
  assert.deepEqual(timesBetween(cron, "UTC", eight - 86_400_000, eight, 9), [eight]);
  assert.deepEqual(timesBetween(cron, "UTC", eight, eight + 86_400_000 - 1, 9), []);
});

test("no more times than asked are returned, the first ones, and none for another number", () => {
  const cron = parseCron("* * * * *");
  assert.deepEqual(timesBetween(cron, "UTC", 0, 1e15, 3), [60_000, 120_000, 180_000]);
  assert.deepEqual(
    [nextTimes(cron, "UTC", 0, 0), timesBetween(cron, "UTC", 5, 1, 3), nextTimes(cron, "UTC", NaN, 1)],
    [[], [], []],
  );
});

test("the search ends with the calendar", () => {
  assert.deepEqual(nextTimes(parseCron("0 0 29 2 *"), "Europe/Berlin", 8.64e15 - 86_400_000, 3), []);
});
