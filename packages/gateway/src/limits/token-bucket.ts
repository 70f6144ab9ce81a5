/**
 * Lets through so many a second in the long run, and up to `burst` at once after a pause. It refills continuously, by the time that went by:
 * there is no timer, and no window at whose edge twice as many could pass. Times are milliseconds on any clock that does not go back.
 */
export class TokenBucket {
  readonly perSecond: number;
  readonly burst: number;
  readonly #perMs: number;
  #tokens: number;
  #atMs: number;

  /** Full. */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.#perMs = perSecond / 1000;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Takes one, if there is one. */
  take(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Milliseconds until there is one; 0: now. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    // What is a hair short of one by rounding is one.
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#tokens = Math.min(this.burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }
}
