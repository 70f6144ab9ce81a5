/** Wakes everybody who waits for the next event with a key. */
export class KeyedSignal {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Keys with at least one waiter. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves at the next `notify` with the key. Rejects with the signal's reason when it aborts first. */
  next(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const waiters = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiters);
      const onAbort = () => {
        waiters.delete(onEvent);
        if (waiters.size === 0 && this.#waiting.get(key) === waiters) this.#waiting.delete(key);
        reject(signal.reason);
      };
      const onEvent = () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      waiters.add(onEvent);
    });
  }

  notify(key: string): void {
    const waiters = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const onEvent of waiters ?? []) onEvent();
  }
}
