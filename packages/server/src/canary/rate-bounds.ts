/** Prior distribution of a rate: Beta(1/2, `tail`), whose mean is 1 / (1 + 2 `tail`). It moves the number of calls that a decision takes, not its validity. */
export interface RatePrior {
  readonly tail: number;
}

const HEAD = 0.5;
/** Halvings of the range from 0 to 1: a rate is found to within a billionth. */
const BISECTIONS = 30;

/**
 * Returns the logarithm of the evidence against a rate: the likelihood of the calls under a mixture of rates, divided by that under the rate.
 *
 * Under the rate, this is a nonnegative martingale with expectation 1. By Ville's inequality it exceeds 1/α at any time, however often somebody looks, with a
 * probability of at most α. So the rates whose evidence stays below 1/α are a confidence sequence: the interval is valid at all times at once, and a decision
 * may be made as soon as it suffices.
 *
 * Sources: H. Robbins, "Statistical Methods Related to the Law of the Iterated Logarithm", Annals of Mathematical Statistics 41 (1970), for mixtures;
 * S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021).
 *
 * @param hits calls that have the property
 */
export function logEvidence(hits: number, calls: number, rate: number, { tail }: RatePrior): number {
  const misses = calls - hits;
  const mixture = logBeta(HEAD + hits, tail + misses) - logBeta(HEAD, tail);
  return mixture - (hits === 0 ? 0 : hits * Math.log(rate)) - (misses === 0 ? 0 : misses * Math.log1p(-rate));
}

/** Returns a rate that the real one is at most, at all times at once, with a probability of at least 1 - `level`. */
export function upperBound(hits: number, calls: number, level: number, prior: RatePrior): number {
  if (hits >= calls) return 1;
  return boundary(hits / calls, 1, (rate) => logEvidence(hits, calls, rate, prior) > -Math.log(level));
}

/** Returns a rate that the real one is at least, at all times at once, with a probability of at least 1 - `level`. */
export function lowerBound(hits: number, calls: number, level: number, prior: RatePrior): number {
  if (hits <= 0) return 0;
  return boundary(hits / calls, 0, (rate) => logEvidence(hits, calls, rate, prior) > -Math.log(level));
}

/** Returns the rate nearest to `inside` that is excluded, between it and `outside`. The evidence grows with the distance from the observed rate. */
function boundary(inside: number, outside: number, isExcluded: (rate: number) => boolean): number {
  let [near, far] = [inside, outside];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (near + far) / 2;
    if (isExcluded(middle)) far = middle;
    else near = middle;
  }
  return far;
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

/** Argument above which Stirling's series is exact to 12 digits. */
const STIRLING_MIN = 10;

function logGamma(value: number): number {
  let x = value;
  let product = 1;
  while (x < STIRLING_MIN) product *= x++;
  const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
}
