import type { Timers } from "../endpoints/ejection.ts";

interface PendingTimer {
  readonly run: () => void;
  readonly at: number;
}

/** Timers that run when the test advances their clock. */
export class ManualTimers implements Timers {
  #now = 0;
  readonly #pending = new Set<PendingTimer>();

  setTimeout(run: () => void, ms: number): PendingTimer {
    const timer = { run, at: this.#now + ms };
    this.#pending.add(timer);
    return timer;
  }

  clearTimeout(timer: object): void {
    this.#pending.delete(timer as PendingTimer);
  }

  /** Moves the clock on, and runs the timers that are due. */
  advance(ms: number): void {
    this.#now += ms;
    const due = [...this.#pending].filter(({ at }) => at <= this.#now).sort((one, other) => one.at - other.at);
    for (const timer of due) if (this.#pending.delete(timer)) timer.run();
  }
}
