import { isError, type Measured } from "./load/measured.ts";

export interface Bins {
  /** The upper end of each. */
  readonly upToMs: readonly number[];
  readonly counts: readonly number[];
}

/** Latencies of good answers in `number` bins, whose ends grow by the same factor, so that a long tail still fits. Empty without any. */
export function bins(requests: readonly Measured[], number: number): Bins {
  const range = rangeOf(requests);
  if (range === undefined) return { upToMs: [], counts: [] };
  const { least, most } = range;
  const factor = (most / least) ** (1 / number);
  const counts = new Array<number>(number).fill(0);
  for (const request of requests) {
    if (isError(request)) continue;
    const bin = Math.floor(Math.log(request.latencyMs / least) / Math.log(factor));
    const clamped = Math.min(number - 1, Math.max(0, bin));
    counts[clamped] = (counts[clamped] as number) + 1;
  }
  return { upToMs: counts.map((_, bin) => least * factor ** (bin + 1)), counts };
}

/** The least and the most latency, in milliseconds, never equal; undefined when no answer was good. */
function rangeOf(requests: readonly Measured[]): { least: number; most: number } | undefined {
  let least = Number.POSITIVE_INFINITY;
  let most = 0.001;
  for (const request of requests) {
    if (isError(request)) continue;
    least = Math.min(least, Math.max(0.001, request.latencyMs));
    most = Math.max(most, request.latencyMs);
  }
  return least === Number.POSITIVE_INFINITY ? undefined : { least, most: Math.max(most, least * 1.01) };
}
