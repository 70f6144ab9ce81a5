/** Local clocks: how the offset of a time zone from UTC changes around a day. The rules are those of the runtime's time zone database. */

const HOUR_MS = 3_600_000;
/** Largest difference between a local time read as UTC and its instant. */
const MAX_OFFSET_MS = 16 * HOUR_MS;
const DAY_MS = 24 * HOUR_MS;

/** Offset of a time zone around a local day: the same on all of it, or changing once. */
export interface ZoneClock {
  /** Offset before the change, in milliseconds to add to UTC. */
  readonly beforeMs: number;
  /** Offset from the change on. */
  readonly afterMs: number;
  /** Instant of the change; Infinity if there is none. */
  readonly changeMs: number;
}

/**
 * Returns the clock of a local day.
 *
 * @param dayMs the beginning of the day if it were in UTC
 */
export function zoneClock(timeZone: string, dayMs: number): ZoneClock {
  const fromMs = dayMs - MAX_OFFSET_MS;
  const untilMs = dayMs + DAY_MS + MAX_OFFSET_MS;
  const beforeMs = offsetAt(timeZone, fromMs);
  const afterMs = offsetAt(timeZone, untilMs);
  if (beforeMs === afterMs) return { beforeMs, afterMs, changeMs: Number.POSITIVE_INFINITY };
  let low = fromMs;
  let high = untilMs;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(timeZone, middle) === beforeMs) low = middle;
    else high = middle;
  }
  return { beforeMs, afterMs, changeMs: high };
}

/**
 * Returns the instants at which the clock shows a local time, in order. A skipped time has none.
 *
 * @param localMs the local time read as UTC
 */
export function instantsOf({ beforeMs, afterMs, changeMs }: ZoneClock, localMs: number): readonly number[] {
  const before = localMs - beforeMs;
  const after = localMs - afterMs;
  if (before >= changeMs) return after >= changeMs ? [after] : [];
  return after >= changeMs ? [before, after] : [before];
}

/** Returns the instant of a local time on its day: the first one of a repeated time; for a skipped one, as much later as the clock was moved forward. */
export const instantOf = (clock: ZoneClock, localMs: number): number =>
  instantsOf(clock, localMs)[0] ?? localMs - clock.beforeMs;

/** Returns the first instant with this local time or a later one. */
export const firstInstantFrom = (clock: ZoneClock, localMs: number): number =>
  instantsOf(clock, localMs)[0] ?? clock.changeMs;

/** Returns the offset of a time zone from UTC at an instant, in milliseconds. */
export function offsetAt(timeZone: string, ms: number): number {
  const [month, day, year, hour, minute, second] = formatterOf(timeZone).format(ms).match(/\d+/g) as string[];
  const local = new Date(0);
  // Unlike `Date.UTC`, these take years below 100 as they are.
  local.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  local.setUTCHours(Number(hour), Number(minute), Number(second));
  return local.getTime() - Math.floor(ms / 1000) * 1000;
}

/** Formats an instant as the clock of a time zone shows it, with its offset: RFC 3339 without fractions. */
export function formatLocalTime(ms: number, timeZone: string): string {
  const offsetMs = offsetAt(timeZone, ms);
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const offset = [Math.floor(minutes / 60), minutes % 60].map((each) => String(each).padStart(2, "0")).join(":");
  return `${new Date(ms + offsetMs).toISOString().slice(0, 19)}${offsetMs < 0 ? "-" : "+"}${offset}`;
}

/** Formatters by time zone: creating one takes longer than 50 uses. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  const created = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  // There are about 600 names; each may be written in many ways.
  if (formatters.size >= 1000) formatters.clear();
  formatters.set(timeZone, created);
  return created;
}
