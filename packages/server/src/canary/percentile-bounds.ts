import { middleMs } from "./call-sample.ts";
import { logEvidence, type RatePrior } from "./rate-bounds.ts";

/** Share of the calls that are longer than the 95th percentile. */
const TAIL = 0.05;
/** Prior with the mean `TAIL`. */
const PRIOR: RatePrior = { tail: (1 / TAIL - 1) / 2 };

/** Range of a percentile in milliseconds. */
export interface PercentileRange {
  readonly low: number;
  /** Infinite while the calls do not bound it. */
  readonly high: number;
}

/**
 * Returns bounds of the 95th percentile, each of which holds at all times at once with a probability of at least 1 - `level`.
 *
 * Each call is longer than the real percentile with a probability of 5 %, independent of the distribution. So a duration is excluded as the percentile when
 * the number of longer calls contradicts the rate of 5 %: S. R. Howard, A. Ramdas, "Sequential estimation of quantiles with applications to A/B testing and
 * best-arm identification", Bernoulli 28 (2022), here with the mixture of {@link logEvidence}.
 *
 * @param durations calls by bucket
 */
export function p95Range(durations: ReadonlyMap<number, number>, level: number): PercentileRange {
  const sorted = [...durations].sort(([a], [b]) => b - a);
  const calls = sorted.reduce((sum, [, count]) => sum + count, 0);
  const isExcluded = (longer: number) => logEvidence(longer, calls, TAIL, PRIOR) > -Math.log(level);
  // The evidence grows with the distance from the expected number.
  const few = lastTrue(Math.ceil(TAIL * calls), 0, isExcluded);
  const many = lastTrue(Math.floor(TAIL * calls), calls, isExcluded);
  let [low, high] = [0, Number.POSITIVE_INFINITY];
  let longer = 0;
  for (const [bucket, count] of sorted) {
    if (few !== undefined && longer <= few) high = middleMs(bucket);
    longer += count;
    if (low === 0 && many !== undefined && longer >= many) low = middleMs(bucket);
  }
  return { low, high };
}

/** Returns the number nearest to `inside` that meets a condition, which all numbers from there to `outside` meet; undefined if `outside` does not. */
function lastTrue(inside: number, outside: number, condition: (value: number) => boolean): number | undefined {
  if (inside === outside || !condition(outside)) return undefined;
  let [near, far] = [inside, outside];
  while (Math.abs(far - near) > 1) {
    const middle = Math.trunc((near + far) / 2);
    if (condition(middle)) far = middle;
    else near = middle;
  }
  return far;
}

/** Returns the 95th percentile of the calls by nearest rank; undefined without calls. */
export function observedP95(durations: ReadonlyMap<number, number>): number | undefined {
  const sorted = [...durations].sort(([a], [b]) => a - b);
  const rank = Math.ceil((1 - TAIL) * sorted.reduce((sum, [, count]) => sum + count, 0));
  let seen = 0;
  const found = sorted.find(([, count]) => {
    seen += count;
    return seen >= rank;
  });
  return found && middleMs(found[0]);
}
