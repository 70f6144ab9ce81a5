import type { CallSample } from "./call-sample.ts";
import type { CanaryLimits } from "./canary-fields.ts";
import { p95Range } from "./percentile-bounds.ts";
import { lowerBound, type RatePrior, upperBound } from "./rate-bounds.ts";

/** Probability of a wrong decision during a whole canary: to go back from a revision within the limits, or to promote one beyond them. */
const WRONG_DECISION = 0.05;
/** Both revisions are estimated, and each estimate may be wrong. */
const REVISIONS = 2;
const MEASURES = 2;

/** Range of a value. */
export interface Range {
  readonly low: number;
  /** Infinite while it is not bounded. */
  readonly high: number;
}

/** Result of the comparison of a new revision with the old one. */
export interface Comparison {
  /** within: it is shown to be within the limits. beyond: it is shown to be beyond one. open: the calls do not suffice yet. */
  readonly verdict: "within" | "beyond" | "open";
  /** Measure whose limit is exceeded. */
  readonly beyond?: "errors" | "p95";
  readonly errorRate: Range;
  readonly p95: Range;
}

/**
 * Compares the calls of two revisions in the same time. It can be repeated at any time: the bounds are valid at all times at once
 * (docs/decisions/0047-canary.md).
 *
 * @param comparedSteps number of steps whose calls are compared: going back is possible in each, and the probability of a wrong decision is divided among them
 */
export function compare(canary: CallSample, base: CallSample, limits: CanaryLimits, comparedSteps: number): Comparison {
  // Promotion takes all steps and both measures, so that any one of them keeps its probability.
  const shown = differences(canary, base, limits, WRONG_DECISION / REVISIONS);
  const isWithin = shown.errorRate.high <= limits.errorRate && shown.p95.high <= limits.p95;
  // Each of them alone can go back.
  const strict = differences(canary, base, limits, WRONG_DECISION / (REVISIONS * MEASURES * comparedSteps));
  if (strict.errorRate.low > limits.errorRate) return { verdict: "beyond", beyond: "errors", ...shown };
  if (strict.p95.low > limits.p95) return { verdict: "beyond", beyond: "p95", ...shown };
  return { verdict: isWithin ? "within" : "open", ...shown };
}

function differences(canary: CallSample, base: CallSample, limits: CanaryLimits, level: number) {
  // The mean of a rate of which twice the limit is expected.
  const prior: RatePrior = { tail: Math.max(0.5, 1 / (4 * limits.errorRate)) };
  const errors = ({ calls, errors }: CallSample) => ({
    low: lowerBound(errors, calls, level, prior),
    high: upperBound(errors, calls, level, prior),
  });
  const [canaryErrors, baseErrors] = [errors(canary), errors(base)];
  const [canaryP95, baseP95] = [p95Range(canary.durations, level), p95Range(base.durations, level)];
  return {
    errorRate: { low: canaryErrors.low - baseErrors.high, high: canaryErrors.high - baseErrors.low },
    p95: {
      low: canaryP95.low / baseP95.high,
      high: baseP95.low === 0 ? Number.POSITIVE_INFINITY : canaryP95.high / baseP95.low,
    },
  };
}
