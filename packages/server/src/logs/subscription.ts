import type { LogLine } from "@faas/core";

/** Lines that may wait for a reader; further ones are skipped, so that a slow reader does not take the server's memory. */
const MAX_WAITING_LINES = 10_000;

/** Line with its number, which grows over restarts too, to distinguish stored lines from followed ones. */
export type NumberedLine = LogLine & { readonly seq: number };

/** A printed line with its number, or a call without one. */
type FollowedLine = LogLine & { readonly seq?: number };

/** Lines for one reader that follows a log; ends when the signal aborts. */
export class Subscription implements Disposable {
  /** Calls are published too. */
  includesCalls = false;
  readonly #signal: AbortSignal | undefined;
  readonly #queue: FollowedLine[] = [];
  #skipped = 0;
  #wake = () => {};
  readonly #onAbort = () => this.#wake();

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
  }

  push(line: FollowedLine): void {
    if (this.#queue.length >= MAX_WAITING_LINES) {
      this.#skipped++;
      return;
    }
    if (this.#skipped > 0) {
      const text = `[faas] ${this.#skipped} lines skipped: the reader of the log is slower than its writers`;
      this.#queue.push({ time: line.time, replica: "", revision: "", stream: "stderr", line: text });
      this.#skipped = 0;
    }
    this.#queue.push(line);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FollowedLine> {
    while (!this.#signal?.aborted) {
      const next = this.#queue.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}
