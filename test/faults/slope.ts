/** A line through points, by least squares. */
export interface Slope {
  /** Of y, for one of x. */
  readonly perX: number;
  /** Its standard error. */
  readonly error: number;
  /** What y grew by along the line, from the first x to the last. */
  readonly growth: number;
}

export function slopeOf(points: readonly (readonly [x: number, y: number])[]): Slope {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const sxx = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const sxy = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const perX = sxx === 0 ? 0 : sxy / sxx;
  const rest = points.reduce((sum, [x, y]) => sum + (y - meanY - perX * (x - meanX)) ** 2, 0);
  const error = n > 2 && sxx > 0 ? Math.sqrt(rest / (n - 2) / sxx) : Number.POSITIVE_INFINITY;
  const [first = [0, 0], last = [0, 0]] = [points[0], points.at(-1)];
  return { perX, error, growth: perX * (last[0] - first[0]) };
}

/** It grows, and not by chance: by more than what is allowed, and the line is surely not level. */
export function grows({ perX, error, growth }: Slope, allowed: number): boolean {
  return growth > allowed && perX > 2.5 * error;
}
