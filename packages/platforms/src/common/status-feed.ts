import type { EndpointStatus } from "@faas/core";

/** `Platform.watch`: the whole list at once, and again when something was announced; once a turn, however much that was. */
export class StatusFeed {
  readonly #snapshot: () => readonly EndpointStatus[];
  readonly #watchers = new Set<() => void>();
  #announced = false;

  constructor(snapshot: () => readonly EndpointStatus[]) {
    this.#snapshot = snapshot;
  }

  announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      for (const notify of this.#watchers) notify();
    });
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly EndpointStatus[]> {
    let due = true;
    let wake = () => {};
    const notify = () => {
      due = true;
      wake();
    };
    this.#watchers.add(notify);
    signal.addEventListener("abort", notify);
    try {
      while (!signal.aborted) {
        if (due) {
          due = false;
          yield this.#snapshot();
        } else {
          await new Promise<void>((resolve) => (wake = resolve));
        }
      }
    } finally {
      this.#watchers.delete(notify);
      signal.removeEventListener("abort", notify);
    }
  }
}
