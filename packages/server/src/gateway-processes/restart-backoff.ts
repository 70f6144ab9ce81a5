const FIRST_MS = 100;
const MAX_MS = 5_000;
/** A gateway that ran for longer is restarted without a delay. */
const STABLE_MS = 10_000;

/** Delays between restarts of a process that ends by itself. */
export class RestartBackoff {
  #delayMs = 0;

  /**
   * Returns the time to wait before the next start.
   *
   * @param ranMs how long the process ran
   */
  next(ranMs: number): number {
    if (ranMs >= STABLE_MS) this.#delayMs = 0;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(MAX_MS, Math.max(FIRST_MS, delayMs * 2));
    return delayMs;
  }
}
