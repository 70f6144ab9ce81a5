/** What was measured at one moment. */
export interface Sample {
  /** Milliseconds. */
  readonly atMs: number;
  /** Requests in flight and waiting. */
  readonly demand: number;
}

export interface Load {
  /** Oldest first. */
  readonly samples: readonly Sample[];
  /** Replicas that are asked for now. */
  readonly replicas: number;
}

export interface Policy {
  /** Requests that a replica may have at a time. */
  readonly concurrency: number;
  readonly least: number;
  readonly most: number;
}

/** Of its concurrency, how much a replica should have: the rest is for the time until the next one is there. */
const TARGET = 0.7;
/** Load over this time decides about going down. */
export const STABLE_WINDOW_MS = 30_000;
/** Load over this time is enough to go up. */
const PANIC_WINDOW_MS = 2_000;

/**
 * The number of replicas that the load wants: quickly up by the short window,
 * slowly down by the long one. `now` in milliseconds.
 */
export function desiredReplicas(load: Load, policy: Policy, now: number): number {
  const wanted = (windowMs: number) => Math.ceil(average(load.samples, now - windowMs) / (policy.concurrency * TARGET));
  const desired = Math.max(wanted(STABLE_WINDOW_MS), wanted(PANIC_WINDOW_MS));
  return Math.min(Math.max(desired, policy.least), policy.most);
}

function average(samples: readonly Sample[], sinceMs: number): number {
  let sum = 0;
  let count = 0;
  for (let i = samples.length - 1; i >= 0; i--) {
    const sample = samples[i] as Sample;
    if (sample.atMs < sinceMs) break;
    sum += sample.demand;
    count++;
  }
  return count === 0 ? 0 : sum / count;
}
