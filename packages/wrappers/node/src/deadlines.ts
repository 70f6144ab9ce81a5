/** Link of the ring of running calls. A call is its own link. */
export interface DeadlineLink {
  /** Deadline on the monotonic clock, which cannot be set back. */
  endsAtMs: number;
  /** Neighbours; undefined outside the ring. */
  previous: DeadlineLink | undefined;
  next: DeadlineLink | undefined;
}

/** Deadlines as seen by a response: one that is streamed has a new deadline after each chunk. */
export interface Extendable<Timed extends DeadlineLink> {
  extend(timed: Timed): void;
  remove(timed: Timed): void;
}

/**
 * Deadlines of the running calls, with one timer for all. Every call has the same timeout, so they expire in the order in which they started.
 * They form a ring of links inside the calls, which, unlike a Set, leaves no garbage.
 */
export class Deadlines<Timed extends DeadlineLink> implements Extendable<Timed> {
  readonly #head = new RingHead();
  readonly #durationMs: () => number;
  readonly #onExpired: (timed: Timed) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param durationMs returns the timeout, the same each time */
  constructor(durationMs: () => number, onExpired: (timed: Timed) => void) {
    this.#durationMs = durationMs;
    this.#onExpired = onExpired;
  }

  add(timed: Timed): void {
    const head = this.#head;
    timed.endsAtMs = performance.now() + this.#durationMs();
    timed.previous = head.previous;
    timed.next = head;
    head.previous.next = timed;
    head.previous = timed;
    this.#timer ??= setTimeout(this.#expire, this.#durationMs());
  }

  /** Does nothing after the deadline: an expired link is already removed. */
  remove(timed: Timed): void {
    if (timed.next === undefined || timed.previous === undefined) return;
    timed.previous.next = timed.next;
    timed.next.previous = timed.previous;
    timed.previous = undefined;
    timed.next = undefined;
  }

  /** Gives a call its whole time again. Does nothing after the deadline. */
  extend(timed: Timed): void {
    if (timed.next === undefined) return;
    this.remove(timed);
    this.add(timed);
  }

  /** Stops the timer, which is set for a duration that is about to change. No call may be running. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #expire = (): void => {
    const now = performance.now();
    while (this.#head.next !== this.#head) {
      const first = this.#head.next as Timed;
      if (first.endsAtMs > now) {
        this.#timer = setTimeout(this.#expire, Math.ceil(first.endsAtMs - now));
        return;
      }
      this.remove(first);
      this.#onExpired(first);
    }
    this.#timer = undefined;
  };
}

/** End and beginning of the ring; its own neighbour if the ring is empty. */
class RingHead implements DeadlineLink {
  endsAtMs = Number.POSITIVE_INFINITY;
  previous: DeadlineLink = this;
  next: DeadlineLink = this;
}
