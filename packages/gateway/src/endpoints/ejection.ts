import type { ServedReplica } from "./served-replica.ts";

/** A replica that refused a connection may only be overloaded for a moment. */
const FIRST_MS = 100;
const MAX_MS = 10_000;

/** Functions that start and cancel timers. Tests pass timers with a clock of their own. */
export interface Timers {
  setTimeout(run: () => void, ms: number): object;
  clearTimeout(timer: object): void;
}

/** The timers of the system; they do not keep the process alive. */
export const SYSTEM_TIMERS: Timers = {
  setTimeout: (run, ms) => setTimeout(run, ms).unref(),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/**
 * Ejects failed replicas of one endpoint: they get no requests for a while, twice as long with each consecutive failure. When no replica is left, all of them
 * return after the shortest time.
 */
export class Ejection {
  readonly #timers: Timers;
  readonly #pending = new Map<ServedReplica, object>();
  /** Replicas that do not return by themselves. */
  readonly #suspended = new Set<ServedReplica>();
  readonly #onReturn: () => void;

  /** @param onReturn called when a replica may get requests again */
  constructor(onReturn: () => void, timers: Timers = SYSTEM_TIMERS) {
    this.#onReturn = onReturn;
    this.#timers = timers;
  }

  /**
   * Ejects a replica that failed.
   * @param all the endpoint's ready replicas
   */
  eject(replica: ServedReplica, all: readonly ServedReplica[]): void {
    // When many requests fail at once, only the first failure counts.
    if (replica.ejected) return;
    replica.ejected = true;
    this.#returnAfter(replica, Math.min(FIRST_MS * 2 ** replica.consecutiveFailures++, MAX_MS));
    if (all.every(({ ejected }) => ejected)) for (const each of all) this.#returnAfter(each, FIRST_MS);
  }

  /** Ejects a replica until it is restored, even if it is the last one. */
  suspend(replica: ServedReplica): void {
    this.#cancel(replica);
    this.#suspended.add(replica);
    replica.ejected = true;
  }

  restore(replica: ServedReplica): void {
    if (!this.#suspended.delete(replica)) return;
    replica.ejected = false;
    this.#onReturn();
  }

  #returnAfter(replica: ServedReplica, ms: number): void {
    if (this.#suspended.has(replica)) return;
    this.#cancel(replica);
    const timer = this.#timers.setTimeout(() => {
      this.#pending.delete(replica);
      replica.ejected = false;
      this.#onReturn();
    }, ms);
    this.#pending.set(replica, timer);
  }

  #cancel(replica: ServedReplica): void {
    const pending = this.#pending.get(replica);
    if (pending === undefined) return;
    this.#timers.clearTimeout(pending);
    this.#pending.delete(replica);
  }
}
