import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Cron, parseCron } from "./cron.ts";
import { nextTimes, timesBetween } from "./cron-times.ts";

/** Properties of the times around changes of the clock, and their comparison with a search minute by minute. */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Instants near which the clock of a time zone changes. */
const CHANGES: readonly (readonly [timeZone: string, at: string])[] = [
  ["Europe/Berlin", "2027-03-28T01:00Z"],
  ["Europe/Berlin", "2027-10-31T01:00Z"],
  ["America/New_York", "2027-03-14T07:00Z"],
  ["America/New_York", "2027-11-07T06:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:30Z"],
  ["Australia/Lord_Howe", "2027-04-03T15:00Z"],
  ["America/Santiago", "2026-09-06T04:00Z"],
  ["America/Santiago", "2027-04-04T03:00Z"],
  ["America/Havana", "2027-03-14T05:00Z"],
  ["America/Havana", "2027-11-07T05:00Z"],
  ["America/Nuuk", "2027-03-28T01:00Z"],
  ["America/Nuuk", "2027-10-31T01:00Z"],
  ["Africa/Casablanca", "2027-02-07T02:00Z"],
  ["Africa/Casablanca", "2027-03-14T02:00Z"],
  ["America/St_Johns", "2010-03-14T03:31Z"],
  ["America/St_Johns", "2010-11-07T02:31Z"],
  ["Pacific/Apia", "2011-12-30T10:00Z"],
  ["Antarctica/Troll", "2027-03-28T01:00Z"],
  ["Asia/Kolkata", "2027-03-28T01:00Z"],
];

const change = fc.constantFrom(...CHANGES).map(([timeZone, at]) => ({ timeZone, atMs: Date.parse(at) }));
const list = (min: number, max: number) =>
  fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 4 }).map((numbers) => numbers.join(","));
/** Hours at which clocks change are frequent. */
const hour = fc.uniqueArray(fc.oneof(fc.constantFrom(0, 1, 2, 3, 23), fc.nat(23)), { minLength: 1, maxLength: 5 });
const hours = hour.map((numbers) => numbers.join(","));
const minutes = fc.oneof(list(0, 59), fc.constantFrom("0", "30", "*/15", "*/30", "15,45"));
const every = fc.constant("*");
const fixed = fc.tuple(minutes, hours, fc.oneof(every, list(26, 31)), every, fc.oneof(every, list(0, 6)));
const hourly = fc.tuple(minutes, every, fc.oneof(every, list(26, 31)), every, fc.oneof(every, list(0, 6)));
const cron = fc.oneof(fixed, hourly).map((fields) => parseCron(fields.join(" ")));

/** Minutes that are read before and after a change. */
const READ_MINUTES = 6 * 1440;

/** Reads the clock in each minute of the days around a change, without the code that is tested: local times read as UTC, by instant. */
function readClock(timeZone: string, atMs: number): ReadonlyMap<number, number> {
  const key = `${timeZone} ${atMs}`;
  const known = clocks.get(key);
  if (known) return known;
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" });
  const clock = new Map<number, number>();
  for (let ms = atMs - READ_MINUTES * MINUTE_MS; ms < atMs + READ_MINUTES * MINUTE_MS; ms += MINUTE_MS)
    clock.set(ms, Date.parse(`${format.format(ms).replace(" ", "T")}Z`));
  clocks.set(key, clock);
  return clock;
}
const clocks = new Map<string, ReadonlyMap<number, number>>();

const dayMatches = ({ daysOfMonth, months, daysOfWeek }: Cron, day: Date) => {
  const [inMonth, inWeek] = [daysOfMonth.includes(day.getUTCDate()), daysOfWeek.includes(day.getUTCDay())];
  const isEither = daysOfMonth.length < 31 && daysOfWeek.length < 7;
  return months.includes(day.getUTCMonth() + 1) && (isEither ? inMonth || inWeek : inMonth && inWeek);
};

/** Searches the times by looking at the clock in each minute from two days before an instant. */
function search(job: Cron, clock: ReadonlyMap<number, number>, fromMs: number, untilMs: number): number[] {
  const found = new Set<number>();
  const shown = new Set<number>();
  const isHourly = job.hours.length === 24;
  const isDue = (localMs: number) => {
    const local = new Date(localMs);
    return (
      job.minutes.includes(local.getUTCMinutes()) && job.hours.includes(local.getUTCHours()) && dayMatches(job, local)
    );
  };
  let previousMs = clock.get(fromMs - 2 * DAY_MS - MINUTE_MS) as number;
  for (let ms = fromMs - 2 * DAY_MS; ms <= untilMs; ms += MINUTE_MS) {
    const localMs = clock.get(ms) as number;
    if (isDue(localMs) && (isHourly || !shown.has(localMs))) found.add(ms);
    shown.add(localMs);
    // Skipped minutes are as much later as the clock was moved forward.
    for (let skippedMs = previousMs + MINUTE_MS; skippedMs < localMs; skippedMs += MINUTE_MS)
      if (!isHourly && isDue(skippedMs)) found.add(ms + skippedMs - previousMs - MINUTE_MS);
    previousMs = localMs;
  }
  return [...found].sort((a, b) => a - b).filter((ms) => ms > fromMs && ms <= untilMs);
}

test("times are those that a look at the clock in each minute finds", () => {
  fc.assert(
    fc.property(cron, change, fc.integer({ min: -2000, max: 600 }), (job, { timeZone, atMs }, minutes) => {
      const fromMs = atMs + minutes * MINUTE_MS;
      const untilMs = fromMs + 2 * DAY_MS;
      const expected = search(job, readClock(timeZone, atMs), fromMs, untilMs);
      assert.deepEqual(timesBetween(job, timeZone, fromMs, untilMs, Number.POSITIVE_INFINITY), expected);
    }),
    { numRuns: 200 },
  );
});

test("each hour and minute is once in each local day, if it is not skipped", () => {
  fc.assert(
    fc.property(minutes, hours, change, (minute, hour, { timeZone, atMs }) => {
      const job = parseCron(`${minute} ${hour} * * *`);
      const clock = readClock(timeZone, atMs);
      const onClock = new Set(clock.values());
      const all = timesBetween(job, timeZone, atMs - 3 * DAY_MS, atMs + 3 * DAY_MS, 10_000);
      const shown = all.map((ms) => clock.get(ms) as number);
      assert.equal(new Set(shown).size, shown.length, "a time is repeated");
      const today = Math.floor((clock.get(atMs) as number) / DAY_MS);
      const days = [today - 1, today, today + 1].map((day) => day * DAY_MS);
      const locals = days.flatMap((day) =>
        job.hours.flatMap((each) => job.minutes.map((other) => day + (each * 60 + other) * MINUTE_MS)),
      );
      for (const local of locals) assert.ok(!onClock.has(local) || shown.includes(local), `${new Date(local)}`);
    }),
    { numRuns: 100 },
  );
});

test("a job with fixed hours has all times that its hours and minutes have alone", () => {
  fc.assert(
    fc.property(minutes, hours, fc.oneof(every, list(0, 6)), change, (minute, hour, weekday, { timeZone, atMs }) => {
      const between = (text: string) =>
        timesBetween(parseCron(text), timeZone, atMs - DAY_MS, atMs + 2 * DAY_MS, 10_000);
      const job = parseCron(`${minute} ${hour} * * ${weekday}`);
      const alone = job.hours.flatMap((each) =>
        job.minutes.flatMap((other) => between(`${other} ${each} * * ${weekday}`)),
      );
      assert.deepEqual(
        between(job.text),
        [...new Set(alone)].sort((a, b) => a - b),
      );
    }),
    { numRuns: 150 },
  );
});

test("a minute in a list does not change the times of the others, also of an hourly job", () => {
  fc.assert(
    fc.property(list(0, 59), fc.nat(59), fc.oneof(every, hours), change, (minute, added, hour, { timeZone, atMs }) => {
      const between = (text: string) => timesBetween(parseCron(text), timeZone, atMs - DAY_MS, atMs + DAY_MS, 10_000);
      const both = new Set([...between(`${minute} ${hour} * * *`), ...between(`${added} ${hour} * * *`)]);
      assert.deepEqual(
        between(`${minute},${added} ${hour} * * *`),
        [...both].sort((a, b) => a - b),
      );
    }),
    { numRuns: 150 },
  );
});

test("intervals have the same elapsed time over each change", () => {
  for (const [timeZone, at] of CHANGES) {
    // Half an hour is the shortest change.
    for (const minutes of [1, 2, 3, 5, 6, 10, 15, 30]) {
      const job = parseCron(`*/${minutes} * * * *`);
      const all = timesBetween(job, timeZone, Date.parse(at) - DAY_MS, Date.parse(at) + DAY_MS, 10_000);
      assert.equal(all.length, (2 * 1440) / minutes, `${timeZone} ${minutes}`);
      for (const [index, ms] of all.entries())
        if (index > 0) assert.equal(ms - (all[index - 1] as number), minutes * MINUTE_MS, `${timeZone} ${minutes}`);
    }
  }
});

test("times ascend, are after the given instant, and are the same one by one, together and between two instants", () => {
  fc.assert(
    fc.property(
      cron,
      change,
      fc.integer({ min: -3000 * MINUTE_MS, max: 600 * MINUTE_MS }),
      (job, { timeZone, atMs }, ms) => {
        const together = nextTimes(job, timeZone, atMs + ms, 20);
        assert.equal(together.length, 20);
        let lastMs = atMs + ms;
        for (const time of together) {
          assert.ok(time > lastMs);
          assert.deepEqual(nextTimes(job, timeZone, lastMs, 1), [time]);
          assert.deepEqual(nextTimes(job, timeZone, time - 1, 1), [time]);
          lastMs = time;
        }
        assert.deepEqual(timesBetween(job, timeZone, atMs + ms, lastMs, 100), together);
      },
    ),
    { numRuns: 100 },
  );
});
