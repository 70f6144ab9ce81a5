import { FaasError, nextTimes, parseCron, parseDuration, type WarmWindow } from "@faas/core";

/** Minimum number of replicas of an endpoint by its warm windows. */
export interface WarmFloor {
  /** 0 while no window is open. */
  readonly replicas: number;
  /** Time until which this holds, in milliseconds since the epoch; Infinity if it never changes. */
  readonly untilMs: number;
}

/**
 * Returns the largest number of replicas of the windows that are open. A window is open from each time of its cron expression, for the elapsed time `for`,
 * also over midnight and over a change of the clock.
 */
export function warmFloor(windows: readonly WarmWindow[], nowMs: number): WarmFloor {
  let replicas = 0;
  let untilMs = Number.POSITIVE_INFINITY;
  for (const window of windows) {
    const lengthMs = parseDuration(window.for) as number;
    // The only beginning that matters: an earlier one has ended, and the window is open if this one has passed.
    const beginMs = nextWarmTime(window, nowMs - lengthMs) ?? Number.POSITIVE_INFINITY;
    const isOpen = beginMs <= nowMs;
    if (isOpen) replicas = Math.max(replicas, window.replicas);
    untilMs = Math.min(untilMs, isOpen ? beginMs + lengthMs : beginMs);
  }
  return { replicas, untilMs };
}

/** Returns the next beginning; undefined for an expression that only an earlier release accepted, so that it does not affect the other windows. */
function nextWarmTime({ cron, timeZone }: WarmWindow, afterMs: number): number | undefined {
  try {
    return nextTimes(parseCron(cron), timeZone, afterMs, 1)[0];
  } catch (error) {
    if (error instanceof FaasError) return undefined;
    throw error;
  }
}
