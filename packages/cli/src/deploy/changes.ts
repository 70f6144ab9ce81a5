import type { SettingChange } from "@faas/core";

/** Longest value that a line shows; the end of a longer one is cut off. */
const MAX_SHOWN = 200;

/** Formats a change for people, such as "concurrency 2 -> 80". */
export const formatChange = ({ setting, from, to }: SettingChange): string =>
  `${setting} ${formatValue(from)} -> ${formatValue(to)}`;

/** Formats a value of a setting on one line; text with spaces or control characters is quoted. */
export function formatValue(value: SettingChange["to"]): string {
  if (value === null) return "(none)";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return shortened(formatText(value));
  return value.length === 0 ? "(none)" : shortened(value.map(formatText).join(", "));
}

function formatText(text: string): string {
  if (/^[^\s\p{C}"(][^\s\p{C}]*$/u.test(text)) return text;
  return JSON.stringify(text).replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

const shortened = (text: string) => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
