/** Time after which a replica that was ready counts as one that worked. */
const HEALTHY_MS = 30_000;
/** Consecutive short-lived replicas that are replaced at once. */
const IMMEDIATE = 5;
const MIN_DELAY_MS = 1_000;
const MAX_DELAY_MS = 30_000;

/** Delays of the replacements of an endpoint's replicas: none for one that exits, longer ones for an endpoint whose replicas keep exiting. */
export class ReplacementBackoff {
  /** Consecutive replicas that exited soon after they were ready. */
  #shortLived = 0;

  /**
   * Returns the milliseconds to wait before a replica is replaced.
   *
   * @param readyMs how long the replica was ready
   */
  next(readyMs: number): number {
    this.#shortLived = readyMs >= HEALTHY_MS ? 1 : this.#shortLived + 1;
    return this.delayMs;
  }

  /** The delay after the last exit. */
  get delayMs(): number {
    const delayed = this.#shortLived - IMMEDIATE;
    return delayed <= 0 ? 0 : Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** (delayed - 1));
  }

  /** Forgets previous exits. */
  reset(): void {
    this.#shortLived = 0;
  }
}
