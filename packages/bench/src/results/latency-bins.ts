import { isError, type RequestResult } from "../load/request.ts";

/** Histogram of latencies. */
export interface LatencyBins {
  /** Upper bound of each bin, in milliseconds. */
  readonly upToMs: readonly number[];
  readonly counts: readonly number[];
}

/**
 * Counts the latencies of successful requests in `binCount` bins. Their bounds grow by a constant factor, so that a long tail fits. Empty when no
 * request succeeded.
 */
export function latencyBins(requests: readonly RequestResult[], binCount: number): LatencyBins {
  const range = rangeOf(requests);
  if (range === undefined) return { upToMs: [], counts: [] };
  const { min, max } = range;
  const factor = (max / min) ** (1 / binCount);
  const counts = new Array<number>(binCount).fill(0);
  for (const request of requests) {
    if (isError(request)) continue;
    const bin = Math.floor(Math.log(request.latencyMs / min) / Math.log(factor));
    const clamped = Math.min(binCount - 1, Math.max(0, bin));
    counts[clamped] = (counts[clamped] as number) + 1;
  }
  return { upToMs: counts.map((_, bin) => min * factor ** (bin + 1)), counts };
}

/** Returns the minimum and the maximum latency, in milliseconds, never equal; undefined when no request succeeded. */
function rangeOf(requests: readonly RequestResult[]): { min: number; max: number } | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = 0.001;
  for (const request of requests) {
    if (isError(request)) continue;
    min = Math.min(min, Math.max(0.001, request.latencyMs));
    max = Math.max(max, request.latencyMs);
  }
  return min === Number.POSITIVE_INFINITY ? undefined : { min, max: Math.max(max, min * 1.01) };
}
