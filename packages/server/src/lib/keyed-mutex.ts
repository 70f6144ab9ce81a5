/** Runs what concerns the same thing one after the other, in the order in which it came; what concerns others beside. */
export class KeyedMutex {
  /** The last one of each key. */
  readonly #turns = new Map<string, Promise<unknown>>();

  /** Settles as the work does, whose turn comes whatever became of the one before. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).catch(() => {}).then(work);
    this.#turns.set(key, turn);
    const done = () => {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    };
    turn.then(done, done);
    return turn;
  }

  /** Whether something is under way. */
  has(key: string): boolean {
    return this.#turns.has(key);
  }

  /** Resolves when all that is under way has ended, well or not. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#turns.values());
  }
}
