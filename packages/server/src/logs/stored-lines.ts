import { readFile } from "node:fs/promises";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { LogLine } from "@faas/core";

/** Lines that are parsed at a time: the gateway runs in the same thread, and its requests wait meanwhile. */
const BATCH_LINES = 1_000;

/**
 * Returns the last `count` lines that are parsed and accepted, oldest first.
 *
 * @param parse returns undefined for a damaged line
 */
export async function lastLines<Line extends LogLine>(
  texts: readonly string[],
  count: number,
  parse: (text: string) => Line | undefined,
  accepts: (line: Line) => boolean,
): Promise<Line[]> {
  const found: Line[] = [];
  for (let i = texts.length - 1; i >= 0 && found.length < count; i--) {
    const text = texts[i] as string;
    const line = text === "" ? undefined : parse(text);
    if (line !== undefined && accepts(line)) found.push(line);
    if (i % BATCH_LINES === 0) await yieldToOthers();
  }
  return found.reverse();
}

/** Merges two lists of lines by time. Lines with the same time keep their order; those of the first list come first. */
export function mergeByTime(first: readonly LogLine[], second: readonly LogLine[]): readonly LogLine[] {
  if (first.length === 0 || second.length === 0) return first.length === 0 ? second : first;
  const merged: LogLine[] = [];
  let at = 0;
  for (const line of second) {
    // Times have the same form, so that they can be compared as text.
    while (at < first.length && (first[at] as LogLine).time <= line.time) merged.push(first[at++] as LogLine);
    merged.push(line);
  }
  return merged.concat(first.slice(at));
}

/** Reads a file; returns an empty text if it does not exist. */
export function readIfExists(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}
