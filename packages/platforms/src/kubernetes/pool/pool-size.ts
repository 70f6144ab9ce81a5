/** Time for which a variant keeps its pods after its last use. */
export const UNUSED_MS = 24 * 3_600_000;
/** Time in which demands count as simultaneous: a claimed pod is replaced in about that time. */
const WINDOW_MS = 5_000;
/** Time for which the largest number of simultaneous demands is remembered. */
const MEMORY_MS = 3_600_000;
/** Largest number of waiting pods of a variant, as a multiple of the configured one. */
const MAX_GROWTH = 4;

/** Use of the warm pods of a variant. */
export interface VariantUse {
  readonly variant: { readonly org: string };
  /** Time of the last use; undefined if it was not used since the control server's start. */
  usedMs?: number;
  /** Numbers of replicas that endpoints needed, the oldest first. */
  demands: { readonly atMs: number; readonly count: number }[];
}

export interface PoolSizeOptions {
  /** Returns the number of pods of a variant of an organization that is used. */
  readonly sizeOf: (org: string) => number;
  readonly nowMs: number;
}

/**
 * Decides how many pods of a variant wait: the configured number; more, up to four times as many, where more were needed at the same time within the last
 * hour; none where none was needed for a day. Forgets old demands.
 */
export function poolSize(use: VariantUse, { sizeOf, nowMs }: PoolSizeOptions): number {
  use.demands = use.demands.filter(({ atMs }) => atMs > nowMs - MEMORY_MS);
  if (use.usedMs === undefined || nowMs - use.usedMs >= UNUSED_MS) return 0;
  const size = sizeOf(use.variant.org);
  return Math.min(size * MAX_GROWTH, Math.max(size, mostAtOnce(use.demands)));
}

/** Returns the largest number that was needed within the time in which a pod is replaced. */
function mostAtOnce(demands: VariantUse["demands"]): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { atMs, count } of demands) {
    sum += count;
    for (; atMs - (demands[first]?.atMs ?? 0) > WINDOW_MS; first++) sum -= demands[first]?.count ?? 0;
    most = Math.max(most, sum);
  }
  return most;
}
