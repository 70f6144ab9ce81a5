import type { QuotaExceededError } from "./quota-error.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Rejections that are sent without delay after a pause. */
const BURST = 100;
/** Rejections per second in the long run; others are delayed. */
const PER_SECOND = 500;
const STEP_MS = 10;
const PER_STEP = (PER_SECOND * STEP_MS) / 1000;
/** Delayed rejections; the connections of further calls are closed. */
const MAX_WAITING = 10_000;

/** A call as far as it can be rejected. */
export interface RejectableCall {
  /** Time of its arrival: `performance.now()`. */
  readonly arrived: number;
  /** True if the call has ended, because its client disconnected. */
  readonly finished: boolean;
  fail(error: unknown): void;
  /** Closes the client's connection without a response. */
  drop(): void;
}

interface Rejection {
  readonly call: RejectableCall;
  readonly error: QuotaExceededError;
}

/**
 * Rejects calls of one organization, at a bounded rate. A client that retries at once, on many connections, would otherwise take as much of the gateway's time
 * with rejected calls as with admitted ones.
 */
export class RejectionThrottle {
  #bucket: TokenBucket | undefined;
  #waiting: (Rejection | undefined)[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | undefined;

  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  /** Fails a call with the error, now or later. */
  reject(call: RejectableCall, error: QuotaExceededError): void {
    this.#bucket ??= new TokenBucket(PER_SECOND, BURST, call.arrived);
    if (this.waiting === 0 && this.#bucket.take(call.arrived)) call.fail(error);
    else if (this.waiting >= MAX_WAITING) call.drop();
    else {
      this.#waiting.push({ call, error });
      this.#timer ??= setInterval(() => this.#rejectSome(), STEP_MS).unref();
    }
  }

  #rejectSome(): void {
    for (let rejected = 0; rejected < PER_STEP && this.waiting > 0; ) {
      const { call, error } = this.#waiting[this.#first] as Rejection;
      this.#waiting[this.#first++] = undefined;
      // Its client may have disconnected.
      if (call.finished) continue;
      call.fail(error);
      rejected++;
    }
    if (this.#first >= BURST || this.waiting === 0) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    if (this.waiting > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
