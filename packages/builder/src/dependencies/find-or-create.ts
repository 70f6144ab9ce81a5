/**
 * Finds a result, or creates it once for all builds of this process that need it at the same time: functions of one project often have the same
 * dependencies.
 */
export class FindOrCreate<T> {
  readonly #running = new Map<string, Promise<T>>();

  /**
   * Returns what `find` finds, else what `create` creates, or another build with the same key.
   *
   * @param signal ends waiting for another build, after that build
   */
  async run(
    key: string,
    find: () => Promise<T | undefined>,
    create: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    for (;;) {
      const found = await find();
      if (found !== undefined) return found;
      const other = this.#running.get(key);
      if (other === undefined) break;
      // If it fails, this build creates the result itself, and reports the reason.
      await other.catch(() => {});
      signal?.throwIfAborted();
    }
    const created = create().finally(() => this.#running.delete(key));
    this.#running.set(key, created);
    return created;
  }
}
