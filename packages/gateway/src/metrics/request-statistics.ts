import { STATS_WINDOW_MS } from "@faas/core";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { CallCounts, type RequestSummary } from "./call-counts.ts";

/** Duration of a slice of time, for which calls are counted together. */
export const SLICE_MS = 5 * 60_000;
/** Number of slices that are kept, besides the present one. */
const PAST_SLICES = STATS_WINDOW_MS / SLICE_MS;

/** Calls within a slice of time. */
class Slice extends CallCounts {
  /** Number of the slice since the epoch. */
  readonly number: number;

  constructor(number: number) {
    super();
    this.number = number;
  }
}

/** Calls within a slice of time, and its start in milliseconds since the epoch. */
export interface SliceSummary extends RequestSummary {
  readonly startMs: number;
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
    this.#sliceOf(endpoint, Math.floor(nowMs / SLICE_MS)).record(status, durationMs, cold);
  }

  /** Adds requests with the same status that another process has counted, by the buckets of their durations. */
  add(
    endpoint: ServedEndpoint,
    status: number,
    coldStarts: number,
    buckets: readonly (readonly [bucket: number, count: number])[],
    nowMs: number,
  ): void {
    this.#sliceOf(endpoint, Math.floor(nowMs / SLICE_MS)).add(status, coldStarts, buckets);
  }

  /** Drops the counts of a removed endpoint. */
  forget(endpoint: ServedEndpoint): void {
    this.#all.delete(endpoint);
  }

  /** Returns the time since which `summary` counts: slices are counted as a whole. */
  windowStart(sinceMs: number, nowMs: number): number {
    const first = Math.max(Math.floor(sinceMs / SLICE_MS), Math.floor(nowMs / SLICE_MS) - PAST_SLICES);
    return Math.max(this.#startedMs, first * SLICE_MS);
  }

  /** @param startMs a result of `windowStart` */
  summary(endpoint: ServedEndpoint | undefined, startMs: number): RequestSummary {
    const total = new CallCounts();
    for (const slice of this.#since(endpoint, startMs)) total.include(slice);
    return total.summary();
  }

  /** Returns the calls of each slice with calls, the oldest first. @param startMs a result of `windowStart` */
  slices(endpoint: ServedEndpoint | undefined, startMs: number): SliceSummary[] {
    return this.#since(endpoint, startMs).map((slice) => ({ startMs: slice.number * SLICE_MS, ...slice.summary() }));
  }

  #since(endpoint: ServedEndpoint | undefined, startMs: number): Slice[] {
    const first = Math.floor(startMs / SLICE_MS);
    return ((endpoint && this.#all.get(endpoint)) ?? []).filter(({ number }) => number >= first);
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
    const slice = new Slice(number);
    slices.push(slice);
    while ((slices[0] as Slice).number < number - PAST_SLICES) slices.shift();
    return slice;
  }
}
