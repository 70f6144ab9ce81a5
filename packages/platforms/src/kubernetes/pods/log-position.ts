import type { EndpointLog } from "@faas/core";

/** The position up to which a replica's log was copied. */
export class LogPosition {
  /** Kubernetes' time, with nanoseconds, of the last line copied by this process. */
  #last: string | undefined;
  /** Time in milliseconds of the last line that a previous process copied. */
  readonly #storedMs: number;
  /** Number of stored lines with that time that are still to be skipped. */
  #storedAtLast: number;

  private constructor(storedMs: number, storedAtLast: number) {
    this.#storedMs = storedMs;
    this.#storedAtLast = storedAtLast;
  }

  /** Finds the position from the lines in the store. */
  static async find(store: EndpointLog, replica: string): Promise<LogPosition> {
    let storedMs = 0;
    let count = 0;
    for await (const { time } of store.read({ replica })) {
      const ms = Date.parse(time);
      count = ms === storedMs ? count + 1 : 1;
      storedMs = ms;
    }
    return new LogPosition(storedMs, count);
  }

  /** Query parameters to read the log from here on. `sinceTime` has a resolution of one second. */
  get query(): Readonly<Record<string, string>> {
    const since = this.#last ?? (this.#storedMs > 0 ? new Date(this.#storedMs).toISOString() : undefined);
    return since === undefined ? {} : { sinceTime: `${since.slice(0, 19)}Z` };
  }

  /** Advances to a line and returns its time as the store has it; `undefined` if the line was copied before. */
  advance(time: string): string | undefined {
    if (this.#last !== undefined && time <= this.#last) return undefined;
    const ms = Date.parse(time);
    if (ms < this.#storedMs) return undefined;
    if (ms === this.#storedMs && this.#storedAtLast > 0) {
      this.#storedAtLast--;
      return undefined;
    }
    this.#last = time;
    return new Date(ms).toISOString();
  }
}
