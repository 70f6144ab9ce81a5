import { FaasError } from "../errors.ts";

/** Fields of a cron expression: their ranges, and their texts as lists of numbers. */

/** Field of a cron expression. */
export interface CronField {
  readonly name: "minute" | "hour" | "day of month" | "month" | "day of week";
  readonly min: number;
  readonly max: number;
  /** Largest number that may be written: 7 is Sunday too. */
  readonly maxWritten: number;
  /** Largest number for `H`: each month has that day. */
  readonly maxHashed: number;
  /** Names of the numbers from `min` on. */
  readonly names: readonly string[];
}

const field = (name: CronField["name"], min: number, max: number, more: Partial<CronField> = {}): CronField => {
  return { name, min, max, maxWritten: max, maxHashed: max, names: [], ...more };
};

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

export const MINUTE = field("minute", 0, 59);
export const HOUR = field("hour", 0, 23);
export const DAY_OF_MONTH = field("day of month", 1, 31, { maxHashed: 28 });
export const MONTH = field("month", 1, 12, { names: MONTHS });
export const DAY_OF_WEEK = field("day of week", 0, 6, { maxWritten: 7, names: WEEKDAYS });

const VALUE = "[0-9]{1,2}|[A-Za-z]{3}";
/** Item of a list: `*`, `H`, `H(a-b)`, a number, a name or a range, perhaps with a step. */
const ITEM = new RegExp(
  `^(?:(?<star>\\*)|(?<hash>H)(?:\\((?<low>[0-9]{1,2})-(?<high>[0-9]{1,2})\\))?|(?<from>${VALUE})(?:-(?<to>${VALUE}))?)(?:/(?<step>[0-9]{1,4}))?$`,
);

/**
 * Reads the text of a field.
 *
 * @param hash number that `H` stands for, before it is reduced to the field; undefined where `H` is not allowed
 * @returns the numbers in ascending order, each once
 * @throws INVALID_REQUEST naming the field
 */
export function readField(text: string, field: CronField, hash: number | undefined): readonly number[] {
  const numbers = text.split(",").flatMap((item) => readItem(item, field, hash));
  // Sunday has two numbers.
  const each = new Set(numbers.map((number) => (number > field.max ? field.min : number)));
  return [...each].sort((a, b) => a - b);
}

function readItem(item: string, field: CronField, hash: number | undefined): readonly number[] {
  const parts = ITEM.exec(item)?.groups;
  if (!parts) throw invalid(field, expectedItem(item, field), item);
  if (parts.hash !== undefined) return readHash(item, parts, field, hash);
  const isSingle = parts.star === undefined && parts.to === undefined;
  const first = parts.star === undefined ? readValue(parts.from as string, field) : field.min;
  if (isSingle && parts.step !== undefined) {
    // The end of such a range differs among programs: for weekdays some include Sunday, some do not.
    throw invalid(field, `with a range before a step, such as ${first}-${field.max}/${Number(parts.step)}`, item);
  }
  const last = isSingle ? first : parts.to === undefined ? field.max : readEnd(parts.to, first, field);
  if (last < first) {
    const twoRanges = formatField([...steps(field.min, last, 1), ...steps(first, field.max, 1)], field);
    throw invalid(field, `with ranges in ascending order, such as ${twoRanges}`, item);
  }
  return steps(first, last, readStep(item, parts.step, last - first + 1, field));
}

/** Reads the end of a range: Sunday comes after the other days there. */
function readEnd(text: string, first: number, field: CronField): number {
  const end = readValue(text, field);
  return field.maxWritten > field.max && end === field.min && first > end && /[a-z]/i.test(text)
    ? field.maxWritten
    : end;
}

function readValue(text: string, field: CronField): number {
  const index = field.names.indexOf(text.toUpperCase());
  const value = index >= 0 ? field.min + index : /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= field.min && value <= field.maxWritten) return value;
  throw invalid(field, expectedItem(text, field), text);
}

function readHash(
  item: string,
  { low, high, step }: Readonly<Record<string, string | undefined>>,
  field: CronField,
  hash: number | undefined,
): readonly number[] {
  if (hash === undefined) throw invalid(field, expectedItem(item, field), item);
  const first = low === undefined ? field.min : readValue(low, field);
  const last = high === undefined ? (step === undefined ? field.maxHashed : field.max) : readValue(high, field);
  if (last < first) throw invalid(field, "with a range in ascending order in H(…)", item);
  const length = last - first + 1;
  if (step === undefined) return [first + (hash % length)];
  const every = readStep(item, step, length, field);
  return steps(first + (hash % every), last, every);
}

function readStep(item: string, text: string | undefined, length: number, field: CronField): number {
  const step = text === undefined ? 1 : Number(text);
  if (step >= 1 && step <= length) return step;
  throw invalid(field, `with a step from 1 to ${length}, the number of values in its range`, item);
}

function steps(first: number, last: number, step: number): readonly number[] {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);
}

function expectedItem(item: string, field: CronField): string {
  const names = field.names.length > 0 ? ` or ${field.names[0]} to ${field.names.at(-1)}` : "";
  const range = `from ${field.min} to ${field.maxWritten}${names}`;
  if (item === "?") return "as * for any value";
  if (/^[0-9A-Z]+$/i.test(item) && !/[LWH]/i.test(item)) return range;
  return `as numbers ${range}, with *, lists, ranges and steps such as ${field.min}-${field.max}/2`;
}

const invalid = (field: CronField, expected: string, got: string) =>
  new FaasError("INVALID_REQUEST", `Expected a cron expression with "${field.name}" ${expected}, got "${got}"`, {
    extensions: { field: field.name },
  });

/** Writes numbers of a field as text: `*`, a step over the whole range, or a list with ranges. */
export function formatField(numbers: readonly number[], field: CronField): string {
  const [first, second, third] = numbers;
  if (numbers.length === field.max - field.min + 1) return "*";
  if (first === field.min && second !== undefined && third !== undefined) {
    const every = steps(field.min, field.max, second - first);
    if (every.length === numbers.length && every.every((number, index) => number === numbers[index]))
      return `*/${second - first}`;
  }
  const items: string[] = [];
  for (let index = 0; index < numbers.length; ) {
    let end = index;
    while (numbers[end + 1] === (numbers[end] as number) + 1) end++;
    // Two neighbours are a list.
    if (end < index + 2) end = index;
    items.push(end === index ? `${numbers[index]}` : `${numbers[index]}-${numbers[end]}`);
    index = end + 1;
  }
  return items.join(",");
}
