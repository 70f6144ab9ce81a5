import { bucketOf, durationOf } from "./duration-buckets.ts";

/** Calls of an endpoint in a period of time. */
export interface RequestSummary {
  readonly requests: number;
  /** Calls with a status of 500 or higher. */
  readonly errors: number;
  /** Calls that waited for a replica to start. */
  readonly coldStarts: number;
  /** Absent without calls. */
  readonly p50Ms?: number;
  readonly p95Ms?: number;
  readonly p99Ms?: number;
}

/** Counts calls, with durations to within half a percent. Runs for every request. */
export class CallCounts {
  requests = 0;
  errors = 0;
  coldStarts = 0;
  /** Calls by the bucket of their duration. A WebSocket has none: it ends when somebody closes it. */
  readonly #durations = new Map<number, number>();

  record(status: number, durationMs: number, cold: boolean): void {
    this.requests++;
    if (status >= 500) this.errors++;
    if (cold) this.coldStarts++;
    if (status !== 101) this.#count(bucketOf(durationMs), 1);
  }

  /** Adds calls with the same status that another process has counted, by the buckets of their durations. */
  add(status: number, coldStarts: number, buckets: readonly (readonly [bucket: number, count: number])[]): void {
    this.coldStarts += coldStarts;
    for (const [bucket, count] of buckets) {
      this.requests += count;
      if (status >= 500) this.errors += count;
      if (status !== 101) this.#count(bucket, count);
    }
  }

  /** Adds the calls of another period. */
  include(other: CallCounts): void {
    this.requests += other.requests;
    this.errors += other.errors;
    this.coldStarts += other.coldStarts;
    for (const [bucket, count] of other.#durations) this.#count(bucket, count);
  }

  summary(): RequestSummary {
    const { requests, errors, coldStarts } = this;
    if (this.#durations.size === 0) return { requests, errors, coldStarts };
    const [p50Ms, p95Ms, p99Ms] = percentiles(this.#durations, [0.5, 0.95, 0.99]) as [number, number, number];
    return { requests, errors, coldStarts, p50Ms, p95Ms, p99Ms };
  }

  #count(bucket: number, count: number): void {
    this.#durations.set(bucket, (this.#durations.get(bucket) ?? 0) + count);
  }
}

/** Returns percentiles by nearest rank, in milliseconds. */
function percentiles(durations: ReadonlyMap<number, number>, shares: readonly number[]): number[] {
  const sorted = [...durations].sort(([a], [b]) => a - b);
  const count = sorted.reduce((sum, [, each]) => sum + each, 0);
  return shares.map((share) => {
    const rank = Math.ceil(count * share);
    let seen = 0;
    const found = sorted.find(([, each]) => {
      seen += each;
      return seen >= rank;
    });
    return Number(durationOf(found?.[0] ?? 0).toPrecision(4));
  });
}
