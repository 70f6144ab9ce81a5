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

/** Longest time for which a printed line may reach the server later than the end of its call. */
const LATE_MS = 1_000;

/**
 * Merges printed lines and the lines of calls by time. Printed lines come first where times are equal, and where a line has the id of the call: what a
 * function prints may be read later than its response.
 */
export function mergeByTime(printed: readonly LogLine[], calls: readonly LogLine[]): readonly LogLine[] {
  if (printed.length === 0 || calls.length === 0) return printed.length === 0 ? calls : printed;
  const byCall = Map.groupBy(printed.keys(), (index) => (printed[index] as LogLine).requestId);
  const merged: LogLine[] = [];
  let at = 0;
  for (const call of calls) {
    const own = call.requestId === undefined ? undefined : byCall.get(call.requestId);
    const last = own?.findLast((index) => millisBetween(call, printed[index] as LogLine) <= LATE_MS) ?? -1;
    // Times have the same form, so that they can be compared as text.
    while (at < printed.length && (at <= last || (printed[at] as LogLine).time <= call.time))
      merged.push(printed[at++] as LogLine);
    merged.push(call);
  }
  return merged.concat(printed.slice(at));
}

const millisBetween = (earlier: LogLine, later: LogLine) => Date.parse(later.time) - Date.parse(earlier.time);
