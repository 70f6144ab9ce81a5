import type { ServedReplica } from "./served-replica.ts";

/** A replica that refused a connection may only be overloaded for a moment. */
const FIRST_MS = 100;
const MAX_MS = 10_000;

/** Starts and cancels timers; the globals by default, a clock of its own in tests. */
export interface Timers {
  setTimeout(run: () => void, ms: number): { unref?(): unknown };
  clearTimeout(timer: unknown): void;
}

const SYSTEM_TIMERS: Timers = {
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/**
 * Ejects failed replicas of one endpoint: they get no requests for a while, twice as long with each consecutive failure. When no replica is left, all of them
 * return after the shortest time.
 */
export class Ejection {
  readonly #timers: Timers;
  readonly #pending = new Map<ServedReplica, ReturnType<Timers["setTimeout"]>>();
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

  #returnAfter(replica: ServedReplica, ms: number): void {
    const pending = this.#pending.get(replica);
    if (pending !== undefined) this.#timers.clearTimeout(pending);
    const timer = this.#timers.setTimeout(() => {
      this.#pending.delete(replica);
      replica.ejected = false;
      this.#onReturn();
    }, ms);
    timer.unref?.();
    this.#pending.set(replica, timer);
  }
}
