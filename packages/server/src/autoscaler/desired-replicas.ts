/** Sums over the samples of a short time. */
export interface Sample {
  /** End of that time, in milliseconds. */
  readonly atMs: number;
  /** Number of samples. */
  readonly count: number;
  /** Requests in flight. */
  readonly inFlight: number;
  /** Requests that waited for a slot. */
  readonly waiting: number;
}

export interface Load {
  /** Oldest first; samples older than `WINDOW_MS` are ignored. */
  readonly samples: readonly Sample[];
  /** Desired number of replicas before this decision. */
  readonly replicas: number;
  /** Panic state after the previous decision. */
  readonly panic: Panic;
}

/** Effects of the last panic. */
export interface Panic {
  /** Until then the number of replicas does not decrease. */
  readonly untilMs: number;
  /** Minimum until `floorUntilMs`: one more than when the panic began. */
  readonly floor: number;
  readonly floorUntilMs: number;
}

export const NO_PANIC: Panic = { untilMs: 0, floor: 0, floorUntilMs: 0 };

export interface Policy {
  /** Requests that a replica may have in flight. */
  readonly concurrency: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

export interface Decision {
  readonly replicas: number;
  readonly panic: Panic;
}

/** Target utilization of the slots: the rest is for the time until another replica is ready. */
const TARGET_UTILIZATION = 0.7;
/** Free slots for random bursts, in standard deviations: the number of n such requests varies by the root of n. */
const BURST_DEVIATIONS = 1;
/** Time over which the load is averaged. */
const STABLE_WINDOW_MS = 60_000;
/** Time over which the load is averaged to detect a panic. */
const PANIC_WINDOW_MS = 2_000;
/** Utilization from which there is panic, if it is at least half a request more: a request that waits for another now and then is not a panic. */
const PANIC_UTILIZATION = 0.85;
const PANIC_SLACK_REQUESTS = 0.5;
/** Duration of a panic after the last sign of it. */
const PANIC_MS = STABLE_WINDOW_MS;
/** Time for which one more replica than before stays after a panic: load that recurs needs it, and does not need as many as the panic reached. */
const FLOOR_MS = 600_000;
/** Time for which the load has to be lower before the number of replicas decreases. */
const DOWN_DELAY_MS = 30_000;
/** Factor of load that fewer replicas have to handle: a load at the edge must not make the number oscillate. */
const DOWN_MARGIN = 1.15;
/** Maximum growth per decision without panic. */
const MAX_GROWTH = 2;

/** Age of the oldest samples that a decision considers. */
export const WINDOW_MS = STABLE_WINDOW_MS + DOWN_DELAY_MS;

/**
 * Returns the number of replicas that the load needs. `now` is in milliseconds.
 *
 * Follows the requests in flight over the stable window: unlike the waiting ones, their number does not depend on the number of replicas. When the
 * short window, waiting requests included, has nearly all slots occupied, there is panic: the number grows at once to what that window needs, and
 * decreases only after a calm time.
 */
export function desiredReplicas(load: Load, policy: Policy, now: number): Decision {
  const { samples, replicas } = load;
  const { concurrency, minReplicas, maxReplicas } = policy;
  const clamp = (needed: number) => Math.min(Math.max(needed, minReplicas), maxReplicas);
  const short = average(samples, now - PANIC_WINDOW_MS, now, (sample) => sample.inFlight + sample.waiting);
  const stable = average(samples, now - STABLE_WINDOW_MS, now, inFlight);
  const needed = replicasFor(stable, concurrency);

  const isPanic = short > PANIC_UTILIZATION * concurrency * replicas + PANIC_SLACK_REQUESTS;
  const panic = isPanic ? panicAt(now, replicas, load.panic) : load.panic;
  if (now < panic.untilMs) {
    const neededNow = isPanic ? Math.ceil(short / (concurrency * TARGET_UTILIZATION)) : 0;
    return { replicas: clamp(Math.max(replicas, neededNow, Math.min(needed, replicas * MAX_GROWTH))), panic };
  }
  if (needed >= replicas) return { replicas: clamp(Math.min(needed, replicas * MAX_GROWTH)), panic };
  const before = average(samples, now - WINDOW_MS, now - DOWN_DELAY_MS, inFlight);
  const fewer = replicasFor(Math.max(stable, before) * DOWN_MARGIN, concurrency);
  const floor = now < panic.floorUntilMs ? panic.floor : 0;
  return { replicas: clamp(Math.min(replicas, Math.max(fewer, floor))), panic };
}

function panicAt(now: number, replicas: number, last: Panic): Panic {
  const untilMs = now + PANIC_MS;
  const floor = now < last.untilMs ? last.floor : replicas + 1;
  return { untilMs, floor, floorUntilMs: untilMs + FLOOR_MS };
}

const inFlight = (sample: Sample) => sample.inFlight;

function replicasFor(demand: number, concurrency: number): number {
  return Math.ceil(Math.max(demand / TARGET_UTILIZATION, demand + BURST_DEVIATIONS * Math.sqrt(demand)) / concurrency);
}

/** Averages a value over the samples after `sinceMs` and up to `untilMs`; 0 without samples. */
function average(
  samples: readonly Sample[],
  sinceMs: number,
  untilMs: number,
  value: (sample: Sample) => number,
): number {
  let sum = 0;
  let count = 0;
  for (let i = samples.length - 1; i >= 0; i--) {
    const sample = samples[i] as Sample;
    if (sample.atMs > untilMs) continue;
    if (sample.atMs <= sinceMs) break;
    sum += value(sample);
    count += sample.count;
  }
  return count === 0 ? 0 : sum / count;
}
