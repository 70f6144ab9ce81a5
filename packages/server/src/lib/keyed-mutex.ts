/** Runs work with the same key one at a time, in the order of the calls; work with different keys runs concurrently. */
export class KeyedMutex {
  /** Last work of each key. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs the work when all earlier work with the key has settled, however it did; settles as the work does. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).catch(() => {}).then(work);
    this.#last.set(key, result);
    const done = () => {
      if (this.#last.get(key) === result) this.#last.delete(key);
    };
    result.then(done, done);
    return result;
  }

  /** True while work with the key runs or waits. */
  isBusy(key: string): boolean {
    return this.#last.has(key);
  }

  /** Resolves when all work that was started so far has settled. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#last.values());
  }
}
