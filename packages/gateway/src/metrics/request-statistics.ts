import { STATS_WINDOW_MS } from "@faas/core";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { bucketOf, durationOf } from "./duration-buckets.ts";

/** Duration of a slice of time, for which calls are counted together. */
export const SLICE_MS = 5 * 60_000;
/** Number of slices that are kept, besides the present one. */
const PAST_SLICES = STATS_WINDOW_MS / SLICE_MS;

/** Calls of an endpoint since a time. */
export interface RequestSummary {
  readonly requests: number;
  /** Calls with a status of 500 or higher. */
  readonly errors: number;
  /** Calls that waited for a replica to start. */
  readonly coldStarts: number;
  /** Absent without calls. */
  readonly p50Ms?: number;
  readonly p95Ms?: number;
}

/** Calls within a slice of time. */
interface Slice {
  /** Number of the slice since the epoch. */
  readonly number: number;
  requests: number;
  errors: number;
  coldStarts: number;
  /** Calls by the bucket of their duration. A WebSocket has none: it ends when somebody closes it. */
  readonly durations: Map<number, number>;
}

/** Counts the recent calls of each endpoint, with durations to within half a percent. Runs for every request. */
export class RequestStatistics {
  readonly #startedMs: number;
  /** Slices of each endpoint, the oldest first; slices without calls are absent. */
  readonly #all = new Map<ServedEndpoint, Slice[]>();

  /** @param nowMs milliseconds since the epoch, as all times here */
  constructor(nowMs = Date.now()) {
    this.#startedMs = nowMs;
  }

  record(endpoint: ServedEndpoint, status: number, durationMs: number, cold: boolean, nowMs: number): void {
    const slice = this.#sliceOf(endpoint, Math.floor(nowMs / SLICE_MS));
    slice.requests++;
    if (status >= 500) slice.errors++;
    if (cold) slice.coldStarts++;
    if (status === 101) return;
    const bucket = bucketOf(durationMs);
    slice.durations.set(bucket, (slice.durations.get(bucket) ?? 0) + 1);
  }

  /** Adds requests with the same status that another process has counted, by the buckets of their durations. */
  add(
    endpoint: ServedEndpoint,
    status: number,
    coldStarts: number,
    buckets: readonly (readonly [bucket: number, count: number])[],
    nowMs: number,
  ): void {
    const slice = this.#sliceOf(endpoint, Math.floor(nowMs / SLICE_MS));
    slice.coldStarts += coldStarts;
    for (const [bucket, count] of buckets) {
      slice.requests += count;
      if (status >= 500) slice.errors += count;
      if (status !== 101) slice.durations.set(bucket, (slice.durations.get(bucket) ?? 0) + count);
    }
  }

  /** Drops the counts of a removed endpoint, or adds them to those of another one. */
  forget(endpoint: ServedEndpoint, heir?: ServedEndpoint): void {
    const slices = this.#all.get(endpoint) ?? [];
    this.#all.delete(endpoint);
    if (heir !== undefined) for (const slice of slices) addTo(this.#sliceOf(heir, slice.number), slice);
  }

  /** Returns the time since which `summary` counts: slices are counted as a whole. */
  windowStart(sinceMs: number, nowMs: number): number {
    const first = Math.max(Math.floor(sinceMs / SLICE_MS), Math.floor(nowMs / SLICE_MS) - PAST_SLICES);
    return Math.max(this.#startedMs, first * SLICE_MS);
  }

  /**
   * Sums up the calls of endpoints.
   *
   * @param startMs a result of `windowStart`
   */
  summary(endpoints: readonly ServedEndpoint[], startMs: number): RequestSummary {
    const first = Math.floor(startMs / SLICE_MS);
    const sum: Slice = { number: first, requests: 0, errors: 0, coldStarts: 0, durations: new Map() };
    for (const endpoint of endpoints)
      for (const slice of this.#all.get(endpoint) ?? []) if (slice.number >= first) addTo(sum, slice);
    const { number: _, durations, ...total } = sum;
    if (durations.size === 0) return total;
    const [p50Ms, p95Ms] = percentiles(durations, [0.5, 0.95]) as [number, number];
    return { ...total, p50Ms, p95Ms };
  }

  #sliceOf(endpoint: ServedEndpoint, number: number): Slice {
    let slices = this.#all.get(endpoint);
    if (slices === undefined) {
      slices = [];
      this.#all.set(endpoint, slices);
    }
    const last = slices.at(-1);
    // Later than now after the clock was set back.
    if (last !== undefined && last.number >= number) return last;
    const slice = { number, requests: 0, errors: 0, coldStarts: 0, durations: new Map() };
    slices.push(slice);
    while ((slices[0] as Slice).number < number - PAST_SLICES) slices.shift();
    return slice;
  }
}

function addTo(sum: Slice, slice: Slice): void {
  sum.requests += slice.requests;
  sum.errors += slice.errors;
  sum.coldStarts += slice.coldStarts;
  for (const [bucket, count] of slice.durations) sum.durations.set(bucket, (sum.durations.get(bucket) ?? 0) + count);
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
