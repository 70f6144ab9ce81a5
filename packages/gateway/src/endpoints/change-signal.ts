/** Lets callers wait for the next change of something that has a key. */
export class ChangeSignal {
  readonly #listeners = new Map<string, Set<() => void>>();

  /** Resolves at the next `emit` for the key. Rejects with the signal's reason. */
  next(key: string, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const listeners = this.#listeners.get(key) ?? new Set();
      this.#listeners.set(key, listeners);
      const stop = () => {
        signal?.removeEventListener("abort", cancel);
        listeners.delete(finish);
        if (listeners.size === 0) this.#listeners.delete(key);
      };
      const finish = () => {
        stop();
        resolve();
      };
      const cancel = () => {
        stop();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", cancel, { once: true });
      listeners.add(finish);
    });
  }

  emit(key: string): void {
    const listeners = this.#listeners.get(key);
    if (listeners) for (const finish of [...listeners]) finish();
  }
}
