import type { Entry } from "./entry.ts";

/** Longest time that a timer of Node can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Entries by the time at which something happens to them: a binary heap, with one timer for the earliest. */
export class DueHeap {
  readonly #now: () => number;
  readonly #onDue: () => void;
  readonly #entries: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;

  /** `onDue` is called at the time of the earliest entry, or before. */
  constructor(now: () => number, onDue: () => void) {
    this.#now = now;
    this.#onDue = onDue;
  }

  /** Adds an entry; its `wakeMs` must not change while it is here. */
  add(entry: Entry): void {
    entry.heapIndex = this.#entries.length;
    this.#entries.push(entry);
    this.#up(entry.heapIndex);
    this.arm();
  }

  remove(entry: Entry): void {
    const index = entry.heapIndex;
    if (index < 0) return;
    entry.heapIndex = -1;
    const last = this.#entries.pop() as Entry;
    if (last === entry) return;
    this.#put(index, last);
    this.#up(index);
    this.#down(last.heapIndex);
  }

  /** Removes and returns the earliest entry if its time has come. */
  takeDue(): Entry | undefined {
    const [first] = this.#entries;
    if (!first || first.wakeMs > this.#now()) return undefined;
    this.remove(first);
    return first;
  }

  /** Sets the timer for the earliest entry, unless it is set for that time or before. */
  arm(): void {
    const [first] = this.#entries;
    if (!first || first.wakeMs >= this.#timerMs) return;
    this.stop();
    this.#timerMs = first.wakeMs;
    const delayMs = Math.min(Math.max(0, Math.ceil(this.#timerMs - this.#now())), MAX_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.#onDue();
      this.arm();
    }, delayMs);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timerMs = Number.POSITIVE_INFINITY;
  }

  #up(start: number): void {
    const entry = this.#entries[start] as Entry;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#entries[parent] as Entry;
      if (above.wakeMs <= entry.wakeMs) break;
      this.#put(index, above);
      index = parent;
    }
    this.#put(index, entry);
  }

  #down(start: number): void {
    const entry = this.#entries[start] as Entry;
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#entries.length) break;
      const [left, right] = [this.#entries[child] as Entry, this.#entries[child + 1]];
      if (right && right.wakeMs < left.wakeMs) child++;
      const below = this.#entries[child] as Entry;
      if (below.wakeMs >= entry.wakeMs) break;
      this.#put(index, below);
      index = child;
    }
    this.#put(index, entry);
  }

  #put(index: number, entry: Entry): void {
    this.#entries[index] = entry;
    entry.heapIndex = index;
  }
}
