/** When replicas of an endpoint go and come while nobody calls it. Milliseconds since the last request. */
export interface IdlePlan {
  readonly sleepAfterMs: number;
  /** Then they are there again, before the request that is expected. */
  readonly wakeAfterMs?: number;
  /** And when it does not come they go again. */
  readonly sleepAgainAfterMs?: number;
}

const MINUTE_MS = 60_000;
/** What a plan is while too little is known, and where nothing else pays. */
export const FIXED: IdlePlan = { sleepAfterMs: 5 * MINUTE_MS };
/** A shorter pause is none: replicas stay that long in any case. */
export const PAUSE_MS = MINUTE_MS;
/** Longer pauses are not told apart. */
const BINS = 240;
/** Of fewer pauses nothing is concluded. */
const PAUSES_LEAST = 8;
/** Of so many, old ones count half: what an endpoint did weeks ago says less than what it did yesterday. */
const MAX_PAUSES = 500;
/** The next request is expected between two of these percentiles of the pauses, and so much to either side. */
const HEADS = [0.05, 0.25];
const TAIL = 0.99;
const MARGIN = 0.1;
/** Before they go and come back in time, replicas stay so long: for the requests that come in groups. */
const STAYS_MS = [PAUSE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS];
/** The counts of the bins have to differ so much (standard deviation by mean), or there is nothing that is usual. */
const REPRESENTATIVE = 2;
/** A cold start is as bad as a replica that does nothing for so long. */
const COLD_START_MS = 10 * MINUTE_MS;

/**
 * How long the pauses between requests of one endpoint were, in minutes, and what to do in the next one. After the hybrid histogram policy of
 * "Serverless in the Wild" (Shahrad et al., USENIX ATC 2020); docs/decisions/0015-idle-timeout-from-history.md says what differs.
 */
export class IdleHistory {
  readonly #bins = new Uint16Array(BINS);
  #longer = 0;
  #count = 0;
  #plan: IdlePlan | undefined;

  /** A request came after so many milliseconds without one. */
  add(pauseMs: number): void {
    if (pauseMs < PAUSE_MS) return;
    this.#plan = undefined;
    const bin = Math.floor(pauseMs / MINUTE_MS);
    if (bin < BINS) this.#bins[bin] = (this.#bins[bin] as number) + 1;
    else this.#longer++;
    if (++this.#count >= MAX_PAUSES) this.#forgetHalf();
  }

  /** What to do in the next pause. */
  get plan(): IdlePlan {
    this.#plan ??= this.#choose();
    return this.#plan;
  }

  /** Of what the expected pauses allow, what has cost the least so far. */
  #choose(): IdlePlan {
    if (this.#count < PAUSES_LEAST || this.#longer > this.#count / 2 || !this.#isRepresentative()) return FIXED;
    const tail = (this.#percentile(TAIL) + 1) * MINUTE_MS * (1 + MARGIN);
    const plans: IdlePlan[] = [FIXED, { sleepAfterMs: tail }];
    for (const head of HEADS) {
      const wakeAfterMs = this.#percentile(head) * MINUTE_MS * (1 - MARGIN);
      for (const sleepAfterMs of STAYS_MS) {
        // For less it is not worth while to let them go.
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
    return Math.sqrt(squares / BINS) > REPRESENTATIVE * mean;
  }

  /** Of the pauses that have a bin: the bin that this share of them does not exceed. */
  #percentile(share: number): number {
    let left = share * (this.#count - this.#longer);
    for (let bin = 0; bin < BINS; bin++) {
      left -= this.#bins[bin] as number;
      if (left <= 0) return bin;
    }
    return BINS - 1;
  }

  /** Idle replica time and cold starts of all pauses, had there been this plan. */
  #cost(plan: IdlePlan): number {
    const of = (pauseMs: number) => awakeMs(plan, pauseMs) + (isAsleep(plan, pauseMs) ? COLD_START_MS : 0);
    let cost = this.#longer * of(BINS * MINUTE_MS);
    for (let bin = 0; bin < BINS; bin++) {
      const count = this.#bins[bin] as number;
      if (count > 0) cost += count * of((bin + 0.5) * MINUTE_MS);
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

/** Whether there are no replicas so long after the last request. */
export function isAsleep({ sleepAfterMs, wakeAfterMs, sleepAgainAfterMs }: IdlePlan, idleMs: number): boolean {
  if (idleMs < sleepAfterMs) return false;
  return wakeAfterMs === undefined || idleMs < wakeAfterMs || idleMs >= (sleepAgainAfterMs as number);
}

/** Of a pause, how long replicas are there and do nothing. */
export function awakeMs({ sleepAfterMs, wakeAfterMs, sleepAgainAfterMs }: IdlePlan, pauseMs: number): number {
  const first = Math.min(pauseMs, sleepAfterMs);
  if (wakeAfterMs === undefined) return first;
  return first + Math.max(0, Math.min(pauseMs, sleepAgainAfterMs as number) - wakeAfterMs);
}
