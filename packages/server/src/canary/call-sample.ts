import { bucketOf, durationOf } from "@faas/gateway";
import type { SampleRecord } from "./canary-fields.ts";

/** Buckets of the gateway's histograms that are counted together, as a power of two: 16 buckets are left for each doubling of the duration. */
const COARSER_BITS = 3;

/** Calls of one revision during a step, with durations to within 3 %. Counts every call of an endpoint with a canary. */
export class CallSample {
  calls = 0;
  /** Calls with a status of 500 or higher. */
  errors = 0;
  /** Calls by the bucket of their duration, without WebSockets. */
  readonly durations = new Map<number, number>();

  static from(record: SampleRecord | undefined): CallSample {
    const sample = new CallSample();
    if (record === undefined) return sample;
    sample.calls = record.calls;
    sample.errors = record.errors;
    for (let i = 0; i + 1 < record.durations.length; i += 2)
      sample.durations.set(record.durations[i] as number, record.durations[i + 1] as number);
    return sample;
  }

  record(status: number, durationMs: number): void {
    this.#count(status, bucketOf(durationMs), 1);
  }

  /** Adds calls with the same status that another process has counted, by the buckets of their durations. */
  add(status: number, buckets: readonly (readonly [bucket: number, count: number])[]): void {
    for (const [bucket, count] of buckets) this.#count(status, bucket, count);
  }

  /** Returns a sample with more calls of the same kinds. */
  scaled(factor: number): CallSample {
    const sample = new CallSample();
    sample.calls = Math.round(this.calls * factor);
    sample.errors = Math.round(this.errors * factor);
    for (const [bucket, count] of this.durations) sample.durations.set(bucket, Math.round(count * factor));
    return sample;
  }

  toRecord(): SampleRecord {
    const durations = [...this.durations].sort(([a], [b]) => a - b).flat();
    return { calls: this.calls, errors: this.errors, durations };
  }

  #count(status: number, fine: number, count: number): void {
    this.calls += count;
    if (status >= 500) this.errors += count;
    // A WebSocket ends when somebody closes it.
    if (status === 101) return;
    const bucket = fine >> COARSER_BITS;
    this.durations.set(bucket, (this.durations.get(bucket) ?? 0) + count);
  }
}

/** Returns the duration in the middle of a bucket, in milliseconds. */
export const middleMs = (bucket: number): number => durationOf((bucket << COARSER_BITS) + 2 ** (COARSER_BITS - 1));
