import type { LiveStats } from "@faas/core";

/** Figures of one second. */
export interface Sample extends Pick<LiveStats, "requests" | "errors" | "p50Ms" | "p95Ms" | "p99Ms" | "ready"> {
  /** Seconds since the epoch. */
  readonly second: number;
}

/** Seconds that are kept. */
export const HISTORY_SECONDS = 300;
/** Seconds over which the rate of calls is averaged. */
const RATE_SECONDS = 5;

/** Figures of an endpoint over the last minutes. Seconds without a sample had no calls. */
export class LiveHistory {
  readonly samples: Sample[] = [];
  latest: LiveStats | undefined;
  #lastWithCalls: LiveStats | undefined;

  add(stats: LiveStats, second: number): void {
    this.latest = stats;
    if (stats.requests > 0) this.#lastWithCalls = stats;
    const { requests, errors, p50Ms, p95Ms, p99Ms, ready } = stats;
    this.samples.push({ second, requests, errors, ready, ...definedOf({ p50Ms, p95Ms, p99Ms }) });
    while ((this.samples[0] as Sample).second < second - HISTORY_SECONDS) this.samples.shift();
  }

  /** Figures of the last second with calls. */
  get lastWithCalls(): LiveStats | undefined {
    return this.#lastWithCalls;
  }

  /** Calls per second. */
  rate(now: number): number {
    return this.#sum("requests", now - RATE_SECONDS) / RATE_SECONDS;
  }

  /** Calls of each of the last seconds, the oldest first. */
  calls(seconds: number, now: number): number[] {
    return this.#perSecond(seconds, now, ({ requests }, before) => before + requests);
  }

  /** Latency (p95) of each of the last seconds, the oldest first; 0 without calls. */
  latency(seconds: number, now: number): number[] {
    return this.#perSecond(seconds, now, ({ p95Ms = 0 }, before) => Math.max(before, p95Ms));
  }

  /** Folds the samples of each of the last seconds into one value. */
  #perSecond(seconds: number, now: number, fold: (sample: Sample, before: number) => number): number[] {
    const values = new Array<number>(seconds).fill(0);
    for (let i = this.samples.length - 1; i >= 0; i--) {
      const sample = this.samples[i] as Sample;
      const index = seconds - 1 - (now - sample.second);
      if (index < 0) break;
      const at = Math.min(index, seconds - 1);
      values[at] = fold(sample, values[at] ?? 0);
    }
    return values;
  }

  #sum(field: "requests" | "errors", after: number): number {
    let sum = 0;
    for (let i = this.samples.length - 1; i >= 0; i--) {
      const sample = this.samples[i] as Sample;
      if (sample.second <= after) break;
      sum += sample[field];
    }
    return sum;
  }
}

function definedOf<T extends object>(values: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
