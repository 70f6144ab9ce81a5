import { FaasError } from "../errors.ts";
import { DAY_OF_MONTH, DAY_OF_WEEK, formatField, HOUR, MINUTE, MONTH, readField } from "./cron-field.ts";

/** Cron expressions: five fields or a nickname. Times in a time zone are in `cron-times.ts`. */

/** Parsed cron expression. */
export interface Cron {
  /** Five fields with numbers alone: equal for expressions with the same times. */
  readonly text: string;
  readonly minutes: readonly number[];
  /** With all 24, the times go by elapsed time; otherwise each is once a day. */
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  /** From 1 for January. */
  readonly months: readonly number[];
  /** From 0 for Sunday to 6. */
  readonly daysOfWeek: readonly number[];
}

const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const FIELDS = "minute, hour, day of month, month, day of week";

/**
 * Parses a cron expression such as `0 8 * * 1-5` or `@daily`.
 *
 * @param options `seed` chooses the number for `H`, equal for equal seeds; without one, `H` is not allowed
 * @throws INVALID_REQUEST naming the field, with it in `field`
 * @throws SCHEDULE_NEVER_DUE for a date that does not exist, such as 30 February
 */
export function parseCron(text: string, { seed }: { readonly seed?: string } = {}): Cron {
  const expression = text.trim().startsWith("@") ? nickname(text.trim()) : text.trim();
  const fields = expression.split(/\s+/);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [string, string, string, string, string];
  if (fields.length !== 5) throw invalid(expectedFields(fields.length), text);
  const hash = (name: string) => (seed === undefined ? undefined : hashOf(`${seed} ${name}`));
  const cron = {
    minutes: readField(minute, MINUTE, hash("minute")),
    hours: readField(hour, HOUR, hash("hour")),
    daysOfMonth: readField(dayOfMonth, DAY_OF_MONTH, hash("day of month")),
    months: readField(month, MONTH, hash("month")),
    daysOfWeek: readField(dayOfWeek, DAY_OF_WEEK, hash("day of week")),
  };
  if (!hasDate(cron)) {
    const problem = `Expected a cron expression with a date that exists, got "${text}"`;
    throw new FaasError("SCHEDULE_NEVER_DUE", problem, { extensions: { field: DAY_OF_MONTH.name } });
  }
  return { text: formatFields(cron), ...cron };
}

/** Returns true if a list has all numbers of its field, as `*` has, however it was written. */
export const isEvery = (numbers: readonly number[], { min, max }: { readonly min: number; readonly max: number }) =>
  numbers.length === max - min + 1;

function nickname(text: string): string {
  const expression = Object.hasOwn(NICKNAMES, text.toLowerCase()) ? NICKNAMES[text.toLowerCase()] : undefined;
  if (expression === undefined) throw invalid(`one of ${Object.keys(NICKNAMES).join(", ")}`, text);
  return expression;
}

const expectedFields = (count: number) =>
  count === 6
    ? `a cron expression with five fields (${FIELDS}), without one for seconds or years`
    : `a cron expression with five fields: ${FIELDS}`;

const invalid = (expected: string, got: string) =>
  new FaasError("INVALID_REQUEST", `Expected ${expected}, got "${got}"`);

const formatFields = (cron: Omit<Cron, "text">) =>
  [
    formatField(cron.minutes, MINUTE),
    formatField(cron.hours, HOUR),
    formatField(cron.daysOfMonth, DAY_OF_MONTH),
    formatField(cron.months, MONTH),
    formatField(cron.daysOfWeek, DAY_OF_WEEK),
  ].join(" ");

/** Number of days of each month in a leap year. */
const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Returns true if a day in any year matches: a day of the week is in every month, and suffices if it is limited. */
function hasDate({ daysOfMonth, months, daysOfWeek }: Omit<Cron, "text">): boolean {
  if (!isEvery(daysOfWeek, DAY_OF_WEEK)) return true;
  return months.some((month) => (daysOfMonth[0] as number) <= (MONTH_DAYS[month - 1] as number));
}

/** Hashes a text to 32 bits: FNV-1a, and a final mix so that similar texts differ in all bits. A change of it would move schedules. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
