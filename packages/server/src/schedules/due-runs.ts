import { type Cron, type Schedule, type SkipReason, timesBetween } from "@faas/core";

/** Decisions about the times at which a schedule was due: which runs begin, and which are skipped. */

/** A run that begins later than this after its time was missed: the server was down or suspended. */
export const ON_TIME_MS = 60_000;

/** Times of a schedule that have come, and what is known about it then. */
export interface DueTimes {
  /** Times since the last decision in ascending order, none of them in the future. */
  readonly dueMs: readonly number[];
  readonly nowMs: number;
  readonly missed?: Schedule["missed"] | "once";
  readonly overlap?: Schedule["overlap"];
  /** The previous run has not ended. */
  readonly isRunning: boolean;
}

export interface DueRuns {
  /** Times whose runs begin, in ascending order. */
  readonly runs: readonly number[];
  readonly skipped: readonly { readonly dueMs: number; readonly reason: SkipReason }[];
}

/** Decides which of the times have a run. A time is in either list, once. */
export function decideRuns({ dueMs, nowMs, missed = "once", overlap, isRunning }: DueTimes): DueRuns {
  const isLate = (time: number) => nowMs - time > ON_TIME_MS;
  const late = dueMs.filter(isLate);
  const onTime = dueMs.filter((time) => !isLate(time));
  const madeUp = lastOf(late, numberOfMissed(missed, onTime.length));
  const runs = [...madeUp, ...onTime];
  const skipped = late
    .slice(0, late.length - madeUp.length)
    .map((time) => ({ dueMs: time, reason: "missed" as const }));
  if (overlap || !isRunning) return { runs, skipped };
  return { runs: [], skipped: [...skipped, ...runs.map((time) => ({ dueMs: time, reason: "overlap" as const }))] };
}

/** Returns how many missed runs are made up for. A run that is on time counts as the one of `once`. */
function numberOfMissed(missed: NonNullable<DueTimes["missed"]>, onTime: number): number {
  if (missed === "skip") return 0;
  return missed === "once" ? Math.max(0, 1 - onTime) : missed;
}

const lastOf = (times: readonly number[], count: number) => (count === 0 ? [] : times.slice(-count));

const FIRST_SPAN_MS = 3_600_000;

/** Returns the last times after `fromMs` and until `untilMs`, at most `count`: also of years, only these are computed. */
export function lastTimes(cron: Cron, timeZone: string, fromMs: number, untilMs: number, count: number): number[] {
  for (let span = FIRST_SPAN_MS; ; span *= 4) {
    const beginMs = Math.max(fromMs, untilMs - span);
    const times = timesBetween(cron, timeZone, beginMs, untilMs, Number.POSITIVE_INFINITY);
    if (times.length >= count || beginMs === fromMs) return times.slice(-count);
  }
}
