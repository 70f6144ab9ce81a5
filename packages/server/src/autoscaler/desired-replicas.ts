/** What was seen in a short time, added up. */
export interface Sample {
  /** Its end, in milliseconds. */
  readonly atMs: number;
  /** How often was looked. */
  readonly looks: number;
  /** Requests that replicas were answering. */
  readonly inFlight: number;
  /** Requests that waited for a place. */
  readonly waiting: number;
}

export interface Load {
  /** Oldest first; what is older than `MEMORY_MS` is not looked at. */
  readonly samples: readonly Sample[];
  /** Replicas that are asked for now. */
  readonly replicas: number;
  /** Of the decision before. */
  readonly panic: Panic;
}

/** What is left of the last panic. */
export interface Panic {
  /** Until then there are not fewer replicas. */
  readonly untilMs: number;
  /** And until `floorUntilMs` not fewer than this: one more than it began with. */
  readonly floor: number;
  readonly floorUntilMs: number;
}
export const NO_PANIC: Panic = { untilMs: 0, floor: 0, floorUntilMs: 0 };

export interface Policy {
  /** Requests that a replica may have at a time. */
  readonly concurrency: number;
  readonly least: number;
  readonly most: number;
}

export interface Decision {
  readonly replicas: number;
  readonly panic: Panic;
}

/** Of its places, how many a replica should have taken: the rest is for the time until the next one is there. */
const TARGET = 0.7;
/** Places that are free for requests that come by chance at once, in standard deviations: n such requests vary by the root of n. */
const BURST = 1;
/** Load over this time is the load. */
const STABLE_WINDOW_MS = 60_000;
/** Load over this time shows that there is no time to look at all of it. */
const PANIC_WINDOW_MS = 2_000;
/** So many of all places taken are panic, where it is at least half a request more: one that waits for another now and then is none. */
const PANIC = 0.85;
const PANIC_SLACK = 0.5;
/** A panic lasts so long after the last sign of it. */
const PANIC_MS = STABLE_WINDOW_MS;
/** One more replica than before stays so long after a panic: what comes again and again needs it, and what it was up to meanwhile does not. */
const FLOOR_MS = 600_000;
/** Fewer replicas are wanted so long before they are had. */
const DOWN_DELAY_MS = 30_000;
/** And they have to do with so much more load than there is: what is just at the edge does not go to and fro. */
const DOWN_MARGIN = 1.15;
/** Without panic. */
const MOST_UP = 2;

/** Samples that a decision looks at. */
export const MEMORY_MS = STABLE_WINDOW_MS + DOWN_DELAY_MS;

/**
 * The number of replicas that the load wants. `now` in milliseconds.
 *
 * Up and down go by the requests in flight over the stable window: unlike the waiting ones they are as many with two
 * replicas as with ten. When the short window, waiting requests included, has nearly all places taken, there is panic: up at
 * once to what that window wants, and not down until it has been calm for a while.
 */
export function desiredReplicas(load: Load, policy: Policy, now: number): Decision {
  const { samples, replicas } = load;
  const { concurrency, least, most } = policy;
  const within = (wanted: number) => Math.min(Math.max(wanted, least), most);
  const short = average(samples, now - PANIC_WINDOW_MS, now, (sample) => sample.inFlight + sample.waiting);
  const stable = average(samples, now - STABLE_WINDOW_MS, now, inFlight);
  const wanted = replicasFor(stable, concurrency);

  const isPanic = short > PANIC * concurrency * replicas + PANIC_SLACK;
  const panic = isPanic ? panicAt(now, replicas, load.panic) : load.panic;
  if (now < panic.untilMs) {
    const wantedNow = isPanic ? Math.ceil(short / (concurrency * TARGET)) : 0;
    return { replicas: within(Math.max(replicas, wantedNow, Math.min(wanted, replicas * MOST_UP))), panic };
  }
  if (wanted >= replicas) return { replicas: within(Math.min(wanted, replicas * MOST_UP)), panic };
  const before = average(samples, now - MEMORY_MS, now - DOWN_DELAY_MS, inFlight);
  const fewer = replicasFor(Math.max(stable, before) * DOWN_MARGIN, concurrency);
  const floor = now < panic.floorUntilMs ? panic.floor : 0;
  return { replicas: within(Math.min(replicas, Math.max(fewer, floor))), panic };
}

function panicAt(now: number, replicas: number, last: Panic): Panic {
  const untilMs = now + PANIC_MS;
  const floor = now < last.untilMs ? last.floor : replicas + 1;
  return { untilMs, floor, floorUntilMs: untilMs + FLOOR_MS };
}

const inFlight = (sample: Sample) => sample.inFlight;

function replicasFor(demand: number, concurrency: number): number {
  return Math.ceil(Math.max(demand / TARGET, demand + BURST * Math.sqrt(demand)) / concurrency);
}

/** Over the samples after `sinceMs` and up to `untilMs`; 0 when there is none. */
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
    count += sample.looks;
  }
  return count === 0 ? 0 : sum / count;
}
