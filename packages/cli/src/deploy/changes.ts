import type { SettingChange } from "@faas/core";

/** Longest value that a line shows; the end of a longer one is cut off. */
const MAX_SHOWN = 200;
/** Characters before the first difference of two values whose common beginning is cut off. */
const CONTEXT = 40;

/** Formats a change for people, such as "concurrency 2 -> 80". The beginning that long values share is cut off, so that the difference is shown. */
export function formatChange({ setting, from, to }: SettingChange): string {
  const [before, after] = [wholeValue(from), wholeValue(to)];
  const different = firstDifference(before, after);
  const start = different < MAX_SHOWN - CONTEXT ? 0 : different - CONTEXT;
  return `${setting} ${shortened(before, start)} -> ${shortened(after, start)}`;
}

/** Formats a value of a setting on one line; text with spaces or control characters is quoted. */
export const formatValue = (value: SettingChange["to"]): string => shortened(wholeValue(value));

function wholeValue(value: SettingChange["to"]): string {
  if (value === null) return "(none)";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return formatText(value);
  return value.length === 0 ? "(none)" : value.map(formatText).join(", ");
}

function firstDifference(a: string, b: string): number {
  let index = 0;
  while (index < a.length && a[index] === b[index]) index += 1;
  return index;
}

function formatText(text: string): string {
  if (/^[^\s\p{C}"(][^\s\p{C}]*$/u.test(text)) return text;
  return JSON.stringify(text).replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

function shortened(text: string, start = 0): string {
  const end = start + MAX_SHOWN;
  return `${start > 0 ? "…" : ""}${text.slice(start, end)}${text.length > end ? "…" : ""}`;
}
