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
  /** Number of pods of a variant that is used. */
  readonly size: number;
  /** Largest number of pods by organization. */
  readonly limits: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

/**
 * Decides how many pods of each variant wait: the configured number; more, up to four times as many, where more were needed at the same time within the last
 * hour; none where none was needed for a day. The variants used last come first where an organization's limit allows fewer. Forgets old demands.
 */
export function poolSizes<Use extends VariantUse>(
  uses: readonly Use[],
  { size, limits, nowMs }: PoolSizeOptions,
): ReadonlyMap<Use, number> {
  const left = new Map(limits);
  const sizes = new Map<Use, number>();
  for (const use of uses.toSorted((a, b) => (b.usedMs ?? 0) - (a.usedMs ?? 0))) {
    use.demands = use.demands.filter(({ atMs }) => atMs > nowMs - MEMORY_MS);
    const isUsed = use.usedMs !== undefined && nowMs - use.usedMs < UNUSED_MS;
    const wanted = isUsed ? Math.min(size * MAX_GROWTH, Math.max(size, mostAtOnce(use.demands))) : 0;
    const { org } = use.variant;
    const granted = Math.min(wanted, left.get(org) ?? Number.POSITIVE_INFINITY);
    if (left.has(org)) left.set(org, (left.get(org) as number) - granted);
    sizes.set(use, granted);
  }
  return sizes;
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
