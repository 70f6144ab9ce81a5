import { Cron } from "croner";

/** Cron expressions with five fields, in a time zone. The library knows the rules for clocks that change: a skipped time happens after the change, a repeated one once. */

/** Pattern of a number or a name of a field. */
const VALUE = "(?:[0-9]{1,2}|[A-Za-z]{3})";
const RANGE = String.raw`(?:\*(?:/[0-9]{1,2})?|${VALUE}(?:-${VALUE}(?:/[0-9]{1,2})?)?)`;
const FIELD = `${RANGE}(?:,${RANGE})*`;
/** Pattern of five fields as every program reads them: the library knows more, such as a field for seconds. */
export const CRON_PATTERN = `^${FIELD}(?: +${FIELD}){4}$`;
const CRON = new RegExp(CRON_PATTERN);
export const FIVE_FIELDS = "expected five fields: minute, hour, day of month, month, day of week";

/** Pattern of a name in the time zone database: offsets such as +01:00 do not follow daylight saving. */
export const TIME_ZONE_PATTERN = "^[A-Za-z][A-Za-z0-9_+/-]*$";
const TIME_ZONE_NAME = new RegExp(TIME_ZONE_PATTERN);

/** Returns what is wrong with a cron expression, as "expected …"; undefined for a valid one. */
export function cronProblem(cron: string): string | undefined {
  const count = cron.split(/ +/).length;
  if (count !== 5) return FIVE_FIELDS;
  if (!CRON.test(cron)) return "expected fields of *, numbers, names, ranges, lists and steps such as */15";
  try {
    if (newCron(cron, "UTC").nextRun(new Date(0)) === null) return "expected a date that exists";
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^\w+: /, "") : String(error);
    return `expected a cron expression such as 0 8 * * 1-5 (${reason})`;
  }
  return undefined;
}

/** Returns true for the name of a time zone that this runtime knows, such as Europe/Berlin or UTC. */
export function isTimeZone(name: string): boolean {
  if (!TIME_ZONE_NAME.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Returns when a valid cron expression is due next, in milliseconds since the epoch; undefined if never again. */
export function nextCronTime(cron: string, timeZone: string, afterMs: number): number | undefined {
  return newCron(cron, timeZone).nextRun(new Date(afterMs))?.getTime();
}

/** Creates a paused one: it computes times, and runs nothing. */
const newCron = (cron: string, timezone: string) => new Cron(cron, { timezone, mode: "5-part", paused: true });
