import type { ServedReplica } from "./served-replica.ts";

/** Links of an item in a `WaitQueue`; the queue owns them. An item is in one queue at a time. */
export interface Queued<T> {
  previous: T | undefined;
  next: T | undefined;
}

/** A request that waits for a slot on a replica. */
export interface Waiter extends Queued<Waiter> {
  /** True for an asynchronous call: others go first, and leave it at most half of a replica's slots. */
  readonly isBackground?: boolean;
  /** Called when a slot on the replica has been acquired for it. */
  onSlot(replica: ServedReplica): void;
  /** Called when it will get no slot. */
  onRejected(error: Error): void;
}

/** A first-in, first-out queue, linked through its items: adding and removing cost the same at any length and allocate nothing. */
export class WaitQueue<T extends Queued<T>> {
  length = 0;
  #first: T | undefined;
  #last: T | undefined;

  push(item: T): void {
    item.previous = this.#last;
    item.next = undefined;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
    this.length++;
  }

  /** Adds an item at the front: it was at the front before and could not be served, through no fault of its own. */
  unshift(item: T): void {
    item.previous = undefined;
    item.next = this.#first;
    if (this.#first) this.#first.previous = item;
    else this.#last = item;
    this.#first = item;
    this.length++;
  }

  remove(item: T): void {
    if (item.previous) item.previous.next = item.next;
    else this.#first = item.next;
    if (item.next) item.next.previous = item.previous;
    else this.#last = item.previous;
    item.previous = undefined;
    item.next = undefined;
    this.length--;
  }

  shift(): T | undefined {
    const item = this.#first;
    if (item) this.remove(item);
    return item;
  }
}
