import type { EndpointStatus } from "@faas/core";

/** Anything with a status; a changed status is a new object. */
export interface StatusSource {
  readonly status: EndpointStatus;
}

/**
 * The statuses of a platform's endpoints, as `Platform.watch` yields them. A snapshot costs a look at the sources that changed since the last one,
 * and a copy.
 */
export class StatusSnapshot {
  readonly #extra: () => readonly EndpointStatus[];
  readonly #sources: StatusSource[] = [];
  readonly #statuses: EndpointStatus[] = [];
  readonly #indexes = new Map<StatusSource, number>();
  readonly #changed = new Set<StatusSource>();
  readonly #watchers = new Set<() => void>();
  #isAnnounced = false;

  /** @param extra statuses to append that have no source; must return an empty list in the usual case */
  constructor(extra: () => readonly EndpointStatus[] = () => []) {
    this.#extra = extra;
  }

  /** Adds a source, or marks it as changed, and announces that. */
  change(source: StatusSource): void {
    this.#changed.add(source);
    this.announce();
  }

  /** Removes a source and announces that. The last source moves to its index, so that consecutive snapshots differ at few indexes. */
  remove(source: StatusSource): void {
    this.announce();
    this.#changed.delete(source);
    const index = this.#indexes.get(source);
    if (index === undefined) return;
    this.#indexes.delete(source);
    const last = this.#sources.pop() as StatusSource;
    const status = this.#statuses.pop() as EndpointStatus;
    if (last === source) return;
    this.#sources[index] = last;
    this.#statuses[index] = status;
    this.#indexes.set(last, index);
  }

  /** Makes every watcher yield a snapshot: one for all announcements in the same turn of the event loop. */
  announce(): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    queueMicrotask(() => {
      this.#isAnnounced = false;
      for (const notify of this.#watchers) notify();
    });
  }

  snapshot(): readonly EndpointStatus[] {
    for (const source of this.#changed) {
      let index = this.#indexes.get(source);
      if (index === undefined) {
        index = this.#sources.push(source) - 1;
        this.#indexes.set(source, index);
      }
      this.#statuses[index] = source.status;
    }
    this.#changed.clear();
    const extra = this.#extra();
    return extra.length === 0 ? this.#statuses.slice() : [...this.#statuses, ...extra];
  }

  /** Yields a snapshot at once, and another one after each announcement. */
  async *watch(signal: AbortSignal): AsyncGenerator<readonly EndpointStatus[]> {
    let isDue = true;
    let wake = () => {};
    const notify = () => {
      isDue = true;
      wake();
    };
    this.#watchers.add(notify);
    signal.addEventListener("abort", notify);
    try {
      while (!signal.aborted) {
        if (isDue) {
          isDue = false;
          yield this.snapshot();
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
