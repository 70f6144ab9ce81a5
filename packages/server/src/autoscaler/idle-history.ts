/** Plan for one pause: when the replicas of an endpoint stop and start while there are no requests. Milliseconds since the last request. */
export interface IdlePlan {
  readonly sleepAfterMs: number;
  /** Time when they are back, before the expected request. */
  readonly wakeAfterMs?: number;
  /** Time when they stop again, if that request does not come. */
  readonly sleepAgainAfterMs?: number;
}

const MINUTE_MS = 60_000;
/** Plan while too little is known, and where no other plan pays. */
export const FIXED_PLAN: IdlePlan = { sleepAfterMs: 5 * MINUTE_MS };
/** Shorter pauses are ignored: replicas stay that long in any case. */
export const MIN_PAUSE_MS = MINUTE_MS;
/** Number of histogram bins, one per minute; longer pauses are counted together. */
const BINS = 240;
/** Pauses that are needed for a plan. */
const MIN_PAUSES = 8;
/** Number of pauses from which old ones count half: weeks ago says less about an endpoint than yesterday. */
const MAX_PAUSES = 500;
/** The next request is expected between one of these percentiles of the pauses and the tail, with a margin on both sides. */
const HEADS = [0.05, 0.25];
const TAIL = 0.99;
const MARGIN = 0.1;
/** Candidates for the time that replicas stay before they stop and come back in time: for requests that come in groups. */
const STAYS_MS = [MIN_PAUSE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS];
/** Coefficient of variation of the bins from which a histogram is representative: below, no length of a pause is typical. */
const MIN_VARIATION = 2;
/** Cost of a cold start, as the time of an idle replica. */
const COLD_START_MS = 10 * MINUTE_MS;

/**
 * Histogram of the pauses between requests of one endpoint, in minutes, and the plan for the next one. After the hybrid histogram policy of
 * "Serverless in the Wild" (Shahrad et al., USENIX ATC 2020); docs/decisions/0015-idle-timeout-from-history.md lists the differences.
 */
export class IdleHistory {
  readonly #bins = new Uint16Array(BINS);
  #longer = 0;
  #count = 0;
  #plan: IdlePlan | undefined;

  /** Adds a pause that a request has ended. */
  add(pauseMs: number): void {
    if (pauseMs < MIN_PAUSE_MS) return;
    this.#plan = undefined;
    const bin = Math.floor(pauseMs / MINUTE_MS);
    if (bin < BINS) this.#bins[bin] = (this.#bins[bin] as number) + 1;
    else this.#longer++;
    if (++this.#count >= MAX_PAUSES) this.#forgetHalf();
  }

  /** Plan for the next pause. */
  get plan(): IdlePlan {
    this.#plan ??= this.#choose();
    return this.#plan;
  }

  /** Chooses, among the plans that fit the expected pauses, the one that would have cost the least so far. */
  #choose(): IdlePlan {
    if (this.#count < MIN_PAUSES || this.#longer > this.#count / 2 || !this.#isRepresentative()) return FIXED_PLAN;
    const tail = (this.#percentile(TAIL) + 1) * MINUTE_MS * (1 + MARGIN);
    const plans: IdlePlan[] = [FIXED_PLAN, { sleepAfterMs: tail }];
    for (const head of HEADS) {
      const wakeAfterMs = this.#percentile(head) * MINUTE_MS * (1 - MARGIN);
      for (const sleepAfterMs of STAYS_MS) {
        // A shorter stop is not worthwhile.
        if (wakeAfterMs < sleepAfterMs + MINUTE_MS) continue;
        plans.push({ sleepAfterMs, wakeAfterMs, sleepAgainAfterMs: tail });
      }
    }
    const costs = plans.map((plan) => this.#cost(plan));
    return plans[costs.indexOf(Math.min(...costs))] as IdlePlan;
  }

  #isRepresentative(): boolean {
    const mean = (this.#count - this.#longer) / BINS;
    let squares = 0;
    for (const count of this.#bins) squares += (count - mean) ** 2;
    return Math.sqrt(squares / BINS) > MIN_VARIATION * mean;
  }

  /** Returns the bin that a share of the pauses does not exceed; pauses without a bin do not count. */
  #percentile(share: number): number {
    let left = share * (this.#count - this.#longer);
    for (let bin = 0; bin < BINS; bin++) {
      left -= this.#bins[bin] as number;
      if (left <= 0) return bin;
    }
    return BINS - 1;
  }

  /** Returns the cost of idle replicas and cold starts in all pauses, had this plan been used. */
  #cost(plan: IdlePlan): number {
    const costOf = (pauseMs: number) => awakeMs(plan, pauseMs) + (isAsleep(plan, pauseMs) ? COLD_START_MS : 0);
    let cost = this.#longer * costOf(BINS * MINUTE_MS);
    for (let bin = 0; bin < BINS; bin++) {
      const count = this.#bins[bin] as number;
      if (count > 0) cost += count * costOf((bin + 0.5) * MINUTE_MS);
    }
    return cost;
  }

  #forgetHalf(): void {
    this.#longer >>= 1;
    this.#count = this.#longer;
    for (let bin = 0; bin < BINS; bin++) {
      const half = (this.#bins[bin] as number) >> 1;
      this.#bins[bin] = half;
      this.#count += half;
    }
  }
}

/** True when a plan has no replicas at a time since the last request. */
export function isAsleep({ sleepAfterMs, wakeAfterMs, sleepAgainAfterMs }: IdlePlan, idleMs: number): boolean {
  if (idleMs < sleepAfterMs) return false;
  return wakeAfterMs === undefined || idleMs < wakeAfterMs || idleMs >= (sleepAgainAfterMs as number);
}

/** Returns the time of a pause in which replicas are idle. */
export function awakeMs({ sleepAfterMs, wakeAfterMs, sleepAgainAfterMs }: IdlePlan, pauseMs: number): number {
  const first = Math.min(pauseMs, sleepAfterMs);
  if (wakeAfterMs === undefined) return first;
  return first + Math.max(0, Math.min(pauseMs, sleepAgainAfterMs as number) - wakeAfterMs);
}
