import type { ServedReplica } from "./served-replica.ts";

/** One request that waits for a replica. The links belong to the line: a request waits in one line at most. */
export interface Waiter {
  previous: Waiter | undefined;
  next: Waiter | undefined;
  /** A place on this replica is taken for it. */
  onSlot(replica: ServedReplica): void;
  /** There will be none, and why. */
  onRejected(error: Error): void;
}

/** First come, first served. A list through the waiters themselves: joining and leaving cost the same however long it is. */
export class WaitQueue {
  length = 0;
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  join(waiter: Waiter): void {
    waiter.previous = this.#last;
    waiter.next = undefined;
    if (this.#last) this.#last.next = waiter;
    else this.#first = waiter;
    this.#last = waiter;
    this.length++;
  }

  /** For one that had its turn already and was not served through no fault of its own. */
  joinFront(waiter: Waiter): void {
    waiter.previous = undefined;
    waiter.next = this.#first;
    if (this.#first) this.#first.previous = waiter;
    else this.#last = waiter;
    this.#first = waiter;
    this.length++;
  }

  leave(waiter: Waiter): void {
    if (waiter.previous) waiter.previous.next = waiter.next;
    else this.#first = waiter.next;
    if (waiter.next) waiter.next.previous = waiter.previous;
    else this.#last = waiter.previous;
    waiter.previous = undefined;
    waiter.next = undefined;
    this.length--;
  }

  shift(): Waiter | undefined {
    const waiter = this.#first;
    if (waiter) this.leave(waiter);
    return waiter;
  }
}
