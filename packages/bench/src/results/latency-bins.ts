import { isError, type RequestResult } from "../load/request.ts";

/** Histogram of latencies. */
export interface LatencyBins {
  /** Upper bound of each bin, in milliseconds, a round number. */
  readonly upToMs: readonly number[];
  readonly counts: readonly number[];
}

/** Round numbers of a decade, from few to many. */
const ROUND = [
  [1],
  [1, 3],
  [1, 2, 5],
  [1, 1.5, 2, 3, 5, 7],
  [1, 1.25, 1.6, 2, 2.5, 3, 4, 5, 6, 8],
  [1, 1.1, 1.25, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9],
] as const;
/** Ratio of the maximum to the minimum below which the bounds grow by a constant step instead of a factor. */
const NARROW = 3;

/**
 * Counts the latencies of successful requests in at most `maxBins` bins. Their bounds are round numbers, which grow by about the same factor, so that a
 * long tail fits. Empty when no request succeeded.
 */
export function latencyBins(requests: readonly RequestResult[], maxBins: number): LatencyBins {
  const latencies = requests.flatMap((request) => (isError(request) ? [] : [Math.max(0.001, request.latencyMs)]));
  if (latencies.length === 0) return { upToMs: [], counts: [] };
  const [min, max] = rangeOf(latencies);
  const upToMs = max / min < NARROW ? steps(min, max, maxBins) : factors(min, max, maxBins);
  const counts = new Array<number>(upToMs.length).fill(0);
  for (const latency of latencies) {
    const bin = upToMs.findIndex((bound) => latency <= bound);
    counts[bin] = (counts[bin] as number) + 1;
  }
  return { upToMs, counts };
}

/** Returns the minimum and the maximum; there are too many values for `Math.min(...values)`. */
function rangeOf(values: readonly number[]): [min: number, max: number] {
  let [min, max] = [Number.POSITIVE_INFINITY, 0];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return [min, max];
}

/** Returns multiples of a round step, from the first one that is not below `min` to the first one that is not below `max`. */
function steps(min: number, max: number, maxBins: number): number[] {
  const decade = 10 ** Math.floor(Math.log10(Math.max(max - min, max * 1e-3) / maxBins));
  for (const factor of [1, 2, 5, 10, 20, 50]) {
    const step = factor * decade;
    const bounds = multiples(Math.ceil(rounded(min / step)), Math.ceil(rounded(max / step)), step);
    if (bounds.length <= maxBins) return bounds;
  }
  return [max];
}

const multiples = (first: number, last: number, step: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => rounded((first + index) * step));

/** Returns round numbers of the decades from `min` to `max`: as many as fit. */
function factors(min: number, max: number, maxBins: number): number[] {
  const first = Math.floor(Math.log10(min));
  const decades = Array.from({ length: Math.ceil(Math.log10(max)) - first + 1 }, (_, index) => 10 ** (first + index));
  const choices = ROUND.map((round) => {
    const bounds = decades.flatMap((decade) => round.map((factor) => rounded(factor * decade)));
    const last = bounds.findIndex((bound) => bound >= max);
    return bounds.slice(
      bounds.findIndex((bound) => bound >= min),
      last + 1,
    );
  });
  return choices.findLast((bounds) => bounds.length <= maxBins) ?? (choices[0] as number[]);
}

/** Removes the error of binary fractions: 3 * 0.1 is 0.3. */
const rounded = (value: number) => Number(value.toPrecision(9));
