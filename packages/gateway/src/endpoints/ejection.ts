import type { ServedReplica } from "./served-replica.ts";

/** A replica that refused a connection may only have too many of them at the moment. */
const FIRST_MS = 100;
const MOST_MS = 10_000;

/**
 * Leaves replicas of one endpoint alone that fail: twice as long with each failure in a row, and then the next request tries. Never all of
 * them for longer than the first time: when no other is left, all are tried again.
 */
export class Ejection {
  readonly #timers = new Map<ServedReplica, NodeJS.Timeout>();
  readonly #onEnd: () => void;

  /** @param onEnd told when a replica may be tried again */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** It failed. `all` are the endpoint's ready replicas. */
  failed(replica: ServedReplica, all: readonly ServedReplica[]): void {
    // Of many requests that fail at once the first one counts.
    if (replica.suspended) return;
    replica.suspended = true;
    this.#endAfter(replica, Math.min(FIRST_MS * 2 ** replica.failures++, MOST_MS));
    if (all.every(({ suspended }) => suspended)) for (const each of all) this.#endAfter(each, FIRST_MS);
  }

  #endAfter(replica: ServedReplica, ms: number): void {
    clearTimeout(this.#timers.get(replica));
    const end = () => {
      this.#timers.delete(replica);
      replica.suspended = false;
      this.#onEnd();
    };
    this.#timers.set(replica, setTimeout(end, ms).unref());
  }
}
