/** A token: rounding may leave it a hair short of 1. */
const ONE = 1 - 1e-9;

/**
 * A rate limit: `perSecond` tokens per second in the long run, and up to `burst` at once after a pause. It refills continuously, by elapsed time: there is no
 * timer, and no window at whose edge twice as many could pass. Times are milliseconds on a monotonic clock.
 */
export class TokenBucket {
  readonly perSecond: number;
  readonly burst: number;
  readonly #perMs: number;
  #tokens: number;
  #atMs: number;

  /** Creates a full bucket. */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.#perMs = perSecond / 1000;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Takes a token; returns `false` if there is none. */
  take(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens < ONE) return false;
    this.#tokens--;
    return true;
  }

  /** Returns the tokens that it has; below 0 while it has debts. */
  tokens(nowMs: number): number {
    this.#refill(nowMs);
    return this.#tokens;
  }

  /** Takes tokens that were spent elsewhere. If it has fewer, it has debts, which the next ones pay. */
  spend(tokens: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens -= tokens;
  }

  /** Lowers the tokens to at most this many. */
  lowerTo(tokens: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens = Math.min(this.#tokens, tokens);
  }

  /** Returns the milliseconds until there is a token; 0 if there is one. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    return this.#tokens >= ONE ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#tokens = Math.min(this.burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }
}
