/** Line through points, by least squares. */
export interface Slope {
  /** Change of y per unit of x. */
  readonly perX: number;
  /** Standard error of the slope. */
  readonly error: number;
  /** Growth of y along the line, from the first x to the last. */
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

/** Reports growth that is larger than `allowed` and not explained by chance. */
export function grows({ perX, error, growth }: Slope, allowed: number): boolean {
  return growth > allowed && perX > 2.5 * error;
}
