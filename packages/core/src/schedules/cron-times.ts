import { type Cron, isEvery } from "./cron.ts";
import { DAY_OF_MONTH, DAY_OF_WEEK, HOUR } from "./cron-field.ts";
import { firstInstantFrom, instantOf, instantsOf, offsetAt, type ZoneClock, zoneClock } from "./zone-clock.ts";

/**
 * Times of a cron expression in a time zone (docs/schedules.md). With fixed hours, each hour and minute is once a day: a skipped one is as much later as
 * the clock was moved forward, and of a repeated one, the first counts. With `*` as hour, the times are all at which the clock shows a matching minute,
 * so that intervals continue over the change.
 */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Last day whose times are all representable. */
const LAST_DAY_MS = 8.64e15 - 3 * DAY_MS;

/**
 * Returns the first times after an instant.
 *
 * @param timeZone a name that the runtime knows
 * @param afterMs milliseconds since the epoch, as are the returned times
 * @returns `count` times, ascending; fewer only at the end of the calendar
 */
export function nextTimes(cron: Cron, timeZone: string, afterMs: number, count: number): number[] {
  return timesBetween(cron, timeZone, afterMs, Number.POSITIVE_INFINITY, count);
}

/**
 * Returns the times after `fromMs` and until `untilMs`, which is included.
 *
 * @param limit maximum number of times: the first ones are returned
 */
export function timesBetween(cron: Cron, timeZone: string, fromMs: number, untilMs: number, limit: number): number[] {
  const times: number[] = [];
  if (limit <= 0 || !(fromMs < untilMs)) return times;
  for (const time of timesAfter(cron, timeZone, fromMs)) {
    if (time > untilMs) break;
    times.push(time);
    if (times.length >= limit) break;
  }
  return times;
}

/** Generates all times after an instant. */
function* timesAfter(cron: Cron, timeZone: string, afterMs: number): Generator<number> {
  let lastMs = afterMs;
  let pending: number[] = [];
  const localMs = afterMs + offsetAt(timeZone, afterMs);
  // The times of a skipped day are a day later.
  for (const dayMs of matchingDays(cron, Math.floor(localMs / DAY_MS) * DAY_MS - 2 * DAY_MS)) {
    const clock = zoneClock(timeZone, dayMs);
    if (dayMs + DAY_MS - Math.min(clock.beforeMs, clock.afterMs) <= lastMs) continue;
    const found = [...pending, ...timesOfDay(cron, clock, dayMs)].sort((a, b) => a - b);
    pending = [];
    const endMs = endOfDay(timeZone, clock, dayMs);
    for (const time of found) {
      if (time >= endMs) pending.push(time);
      else if (time > lastMs) {
        yield time;
        lastMs = time;
      }
    }
  }
}

/** Lists the instants of a day, with those of skipped times. */
function timesOfDay(cron: Cron, clock: ZoneClock, dayMs: number): number[] {
  const byElapsedTime = isEvery(cron.hours, HOUR);
  return cron.hours.flatMap((hour) =>
    cron.minutes.flatMap((minute) => {
      const localMs = dayMs + hour * HOUR_MS + minute * MINUTE_MS;
      return byElapsedTime ? instantsOf(clock, localMs) : [instantOf(clock, localMs)];
    }),
  );
}

/** Returns the instant before which no time of a later day is; Infinity if all times of this day are before it. */
function endOfDay(timeZone: string, { beforeMs, afterMs }: ZoneClock, dayMs: number): number {
  if (beforeMs === afterMs) return Number.POSITIVE_INFINITY;
  return firstInstantFrom(zoneClock(timeZone, dayMs + DAY_MS), dayMs + DAY_MS);
}

/** Generates the days that match, as their beginnings if they were in UTC. */
function* matchingDays(cron: Cron, fromMs: number): Generator<number> {
  const months = new Set(cron.months);
  let day = new Date(fromMs);
  while (day.getTime() <= LAST_DAY_MS) {
    const [year, month] = [day.getUTCFullYear(), day.getUTCMonth()];
    if (!months.has(month + 1)) {
      day = new Date(Date.UTC(year, month + 1));
      continue;
    }
    if (matchesDay(cron, day)) yield day.getTime();
    day = new Date(day.getTime() + DAY_MS);
  }
}

/** Returns true if a day of a matching month matches: either field suffices if both are limited. */
function matchesDay({ daysOfMonth, daysOfWeek }: Cron, day: Date): boolean {
  const inMonth = daysOfMonth.includes(day.getUTCDate());
  const inWeek = daysOfWeek.includes(day.getUTCDay());
  const bothLimited = !isEvery(daysOfMonth, DAY_OF_MONTH) && !isEvery(daysOfWeek, DAY_OF_WEEK);
  return bothLimited ? inMonth || inWeek : inMonth && inWeek;
}
