/** Time in which calls of an address may be answered by a revision. */
interface Window {
  readonly revision: string;
  readonly fromMs: number;
  toMs: number;
}

/** The revisions that may answer the calls of one address, over time. Times are those of `performance.now()`. */
export class AllowedRevisions {
  readonly #windows: Window[] = [];

  /** Revisions that may answer calls from now on. */
  get present(): readonly string[] {
    return this.#windows.flatMap(({ revision, toMs }) => (toMs === Number.POSITIVE_INFINITY ? [revision] : []));
  }

  /**
   * Notes a change: of the calls that were sent after it was confirmed, only these revisions may answer any; of those before, the previous ones too.
   *
   * @param began time of the request for the change
   * @param passing revisions that may have answered calls only while it was made
   */
  changed(revisions: readonly string[], began: number, passing: readonly string[] = []): void {
    const now = performance.now();
    for (const window of this.#windows)
      if (window.toMs === Number.POSITIVE_INFINITY && !revisions.includes(window.revision)) window.toMs = now;
    const { present } = this;
    for (const revision of revisions)
      if (!present.includes(revision)) this.#windows.push({ revision, fromMs: began, toMs: Number.POSITIVE_INFINITY });
    for (const revision of passing) this.#windows.push({ revision, fromMs: began, toMs: now });
  }

  /** Returns whether the revision may have answered a call. */
  allows(revision: string, sentMs: number, doneMs: number): boolean {
    return this.#windows.some(
      (window) => window.revision === revision && window.fromMs <= doneMs && window.toMs >= sentMs,
    );
  }
}
