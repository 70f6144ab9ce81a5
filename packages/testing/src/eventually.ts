import { setTimeout as delay } from "node:timers/promises";

/** Settings of {@link eventually}. */
export interface EventuallyOptions {
  /**
   * Milliseconds after which it fails: a bound for a broken test, not a performance goal.
   *
   * @defaultValue 60,000
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds between attempts at first. Later ones are further apart, by a tenth of the time that has passed, so that attempts do not delay what they
   * wait for.
   *
   * @defaultValue 5
   */
  readonly intervalMs?: number;
}

/** Longest time between attempts, unless the first interval is longer. */
const MAX_INTERVAL_MS = 50;

/**
 * Repeats `attempt` until it returns something other than `undefined`, `null` or `false`, and returns that.
 *
 * For state that no event reports; where there is an event, wait for it. An attempt that throws counts as a failed one.
 *
 * @throws Error when time runs out, with the error of the last attempt as its cause
 */
export async function eventually<T>(
  description: string,
  attempt: () => T | Promise<T>,
  { timeoutMs = 60_000, intervalMs = 5 }: EventuallyOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const start = performance.now();
  for (;;) {
    let cause: unknown;
    try {
      const value = await attempt();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<T, false>>;
    } catch (error) {
      cause = error;
    }
    const waitedMs = performance.now() - start;
    if (waitedMs >= timeoutMs)
      throw new Error(`Expected within ${timeoutMs} ms: ${description}`, cause === undefined ? {} : { cause });
    await delay(Math.max(intervalMs, Math.min(waitedMs / 10, MAX_INTERVAL_MS)));
  }
}
