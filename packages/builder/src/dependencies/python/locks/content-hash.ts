import { createHash } from "node:crypto";
import { isTable } from "../table.ts";

/** Returns the SHA-256 of a value as JSON in Python's format with sorted keys, in which lock files name the content of their manifest. */
export function contentHash(value: unknown, separators: readonly [item: string, key: string] = [", ", ": "]): string {
  return createHash("sha256").update(pythonJson(value, separators)).digest("hex");
}

function pythonJson(value: unknown, separators: readonly [item: string, key: string]): string {
  const [item, key] = separators;
  if (Array.isArray(value)) return `[${value.map((each) => pythonJson(each, separators)).join(item)}]`;
  if (!isTable(value)) return ascii(JSON.stringify(value ?? null));
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, each]) => `${ascii(JSON.stringify(name))}${key}${pythonJson(each, separators)}`).join(item)}}`;
}

const ascii = (text: string) =>
  text.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
