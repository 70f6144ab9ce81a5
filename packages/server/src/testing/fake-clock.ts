import type { Clock } from "../schedules/clock.ts";

/** Clock that tests move, for one user that always waits for one timer. */
export class FakeClock implements Clock {
  #nowMs: number;
  #timer: { atMs: number; readonly callback: () => void } | undefined;
  #onTimer = () => {};

  constructor(now: string) {
    this.#nowMs = Date.parse(now);
  }

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, callback };
    this.#timer = timer;
    this.#onTimer();
    return () => {
      if (this.#timer === timer) this.#timer = undefined;
    };
  }

  /** Moves the clock, and calls back whenever a timer ends. Resolves when the user waits for a time after that. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const timer = await this.#nextTimer();
      if (timer.atMs > untilMs) break;
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      this.#timer = undefined;
      timer.callback();
    }
    this.#nowMs = untilMs;
  }

  /** Moves the clock without the timers, as when the machine is suspended, or the clock is set. */
  jump(ms: number): void {
    this.#nowMs += ms;
    if (this.#timer) this.#timer.atMs += ms;
  }

  async #nextTimer() {
    while (this.#timer === undefined) await new Promise<void>((resolve) => (this.#onTimer = resolve));
    return this.#timer;
  }
}
