/** Number of slots, each of one second. */
const SLOTS = 11;

/** Measures a recent rate. Times are milliseconds on a monotonic clock. */
export class RateMeter {
  readonly #counts = new Uint32Array(SLOTS);
  #second = 0;

  count(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) this.#advanceTo(second);
    const slot = second % SLOTS;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  /** Returns the average over the last ten whole seconds. */
  perSecond(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) this.#advanceTo(second);
    const all = this.#counts.reduce((sum, count) => sum + count, 0);
    return (all - (this.#counts[second % SLOTS] ?? 0)) / (SLOTS - 1);
  }

  #advanceTo(second: number): void {
    const passed = Math.min(SLOTS, second - this.#second);
    for (let i = 0; i < passed; i++) this.#counts[(second - i) % SLOTS] = 0;
    this.#second = second;
  }
}
