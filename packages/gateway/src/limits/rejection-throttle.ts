import type { Exchange } from "../pipeline/exchange.ts";
import type { QuotaExceededError } from "./quota-error.ts";
import { TokenBucket } from "./token-bucket.ts";

/** So many at once are refused at once. */
const AT_ONCE = 100;
/** And so many a second in the long run; the others wait for their answer. */
const PER_SECOND = 500;
const STEP_MS = 10;
const PER_STEP = (PER_SECOND * STEP_MS) / 1000;
/** More that wait are not answered: their connections are closed. */
const MOST = 10_000;

interface Refusal {
  readonly exchange: Exchange;
  readonly error: QuotaExceededError;
}

/**
 * Answers to calls of one organization that were not let in. A client that calls again at once, on many connections, would otherwise take as much of the
 * gateway's time with refusals as with calls: its answers are held back, so that what one organization can take this way is bounded.
 */
export class RejectionThrottle {
  #bucket: TokenBucket | undefined;
  #waiting: (Refusal | undefined)[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | undefined;

  get waiting(): number {
    return this.#waiting.length - this.#first;
  }

  refuse(exchange: Exchange, error: QuotaExceededError): void {
    this.#bucket ??= new TokenBucket(PER_SECOND, AT_ONCE, exchange.arrived);
    if (this.waiting === 0 && this.#bucket.take(exchange.arrived)) exchange.fail(error);
    else if (this.waiting >= MOST) exchange.response.destroy();
    else {
      this.#waiting.push({ exchange, error });
      this.#timer ??= setInterval(() => this.#answerSome(), STEP_MS).unref();
    }
  }

  #answerSome(): void {
    for (let answered = 0; answered < PER_STEP && this.waiting > 0; ) {
      const { exchange, error } = this.#waiting[this.#first] as Refusal;
      this.#waiting[this.#first++] = undefined;
      // Its client may have gone.
      if (exchange.finished) continue;
      exchange.fail(error);
      answered++;
    }
    if (this.#first >= AT_ONCE || this.waiting === 0) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    if (this.waiting > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
