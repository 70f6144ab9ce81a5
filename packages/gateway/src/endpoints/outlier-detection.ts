import type { ServedEndpoint, ServedReplica } from "./registry.ts";

/** What one look adds, the next one finds this much of: about the last five seconds count. */
const KEPT = 0.98;
/** A replica this many times slower than the median of the others is left out. */
const TIMES = 5;
/** And answers take so many looks at least: what is quick enough is not slow. */
const USUAL_LEAST = 0.1;
/** Requests seen in flight at so many looks, at least, before a replica is judged. */
const EVIDENCE = 5;
/** Answers of a replica, at least, before others are judged by it. */
const ANSWERS = 5;
const FIRST_MS = 10_000;
const MOST_MS = 60_000;

interface Judged {
  /** Of looks: requests in flight. */
  busy: number;
  /** Requests that ended meanwhile. */
  ended: number;
  endedBefore: number;
  /** When it is tried again. */
  untilMs: number;
  heldMs: number;
}

/**
 * Finds replicas that answer far slower than their siblings, without a clock on the way of a request: requests in flight, divided by
 * those that end in a time, are the time that one takes (Little's law). What is taken for slow by mistake, for its long streams for instance,
 * loses nothing but its turn: it is used when the others are full. At most half of the replicas are slow.
 */
export class OutlierDetector {
  readonly #judged = new WeakMap<ServedReplica, Judged>();

  /** To be called at every look, ten times a second. */
  look({ replicas }: ServedEndpoint): void {
    if (replicas.length < 2) return;
    for (const replica of replicas) {
      const judged = this.#of(replica);
      judged.busy = judged.busy * KEPT + replica.inFlight;
      judged.ended = judged.ended * KEPT + (replica.ended - judged.endedBefore);
      judged.endedBefore = replica.ended;
    }
  }

  /** Decides which ones are slow. */
  judge({ replicas }: ServedEndpoint, now: number): void {
    if (replicas.length < 2) {
      for (const replica of replicas) replica.slow = false;
      return;
    }
    let slow = 0;
    for (const replica of replicas) {
      if (replica.slow && now >= this.#of(replica).untilMs) this.#tryAgain(replica);
      if (replica.slow) slow++;
    }
    const usual = median(
      replicas
        .filter((replica) => !replica.slow && this.#of(replica).ended >= ANSWERS)
        .map((each) => this.#looks(each)),
    );
    if (usual === undefined) return;
    for (const replica of replicas) {
      if (slow >= Math.floor(replicas.length / 2)) return;
      if (
        replica.slow ||
        this.#of(replica).busy < EVIDENCE ||
        this.#looks(replica) < TIMES * Math.max(usual, USUAL_LEAST)
      )
        continue;
      slow++;
      this.#leaveOut(replica, now);
    }
  }

  /** How many looks long a request takes. */
  #looks(replica: ServedReplica): number {
    const { busy, ended } = this.#of(replica);
    return busy / Math.max(ended, 1);
  }

  #leaveOut(replica: ServedReplica, now: number): void {
    const judged = this.#of(replica);
    replica.slow = true;
    const isAgain = now - judged.untilMs < judged.heldMs;
    judged.heldMs = isAgain ? Math.min(judged.heldMs * 2, MOST_MS) : FIRST_MS;
    judged.untilMs = now + judged.heldMs;
  }

  #tryAgain(replica: ServedReplica): void {
    const judged = this.#of(replica);
    replica.slow = false;
    judged.busy = 0;
    judged.ended = 0;
  }

  #of(replica: ServedReplica): Judged {
    let judged = this.#judged.get(replica);
    if (!judged) {
      judged = { busy: 0, ended: 0, endedBefore: replica.ended, untilMs: Number.NEGATIVE_INFINITY, heldMs: 0 };
      this.#judged.set(replica, judged);
    }
    return judged;
  }
}

/** The lower one of two in the middle: with one fast and one slow replica, the fast one is what is usual. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}
