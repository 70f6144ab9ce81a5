import { type EndpointStatus, endpointKey } from "@faas/core";

/** Differences between two lists of statuses. */
export interface StatusChanges {
  /** Statuses that are new or different. */
  readonly changed: readonly EndpointStatus[];
  /** Keys, "org/endpoint", of endpoints that are no longer listed. */
  readonly removed: readonly string[];
}

/** The platform's latest list of statuses, compared with the one before it. */
export class StatusList {
  #latest: readonly EndpointStatus[] = [];
  readonly #byKey = new Map<string, EndpointStatus>();

  get(key: string): EndpointStatus | undefined {
    return this.#byKey.get(key);
  }

  /** Replaces one status; `undefined` removes it. Not to be mixed with `replace`. */
  set(key: string, status: EndpointStatus | undefined): void {
    if (status === undefined) this.#byKey.delete(key);
    else this.#byKey.set(key, status);
  }

  /** Replaces the list. A status that did not change must be the same object as before: then it costs one comparison, or two if it moved. */
  replace(statuses: readonly EndpointStatus[]): StatusChanges {
    const before = this.#latest;
    this.#latest = statuses;
    const changed: EndpointStatus[] = [];
    const replaced: EndpointStatus[] = before.slice(statuses.length);
    const present = new Set<string>();
    for (let index = 0; index < statuses.length; index++) {
      const status = statuses[index] as EndpointStatus;
      const previous = before[index];
      if (status === previous) continue;
      if (previous) replaced.push(previous);
      const key = endpointKey(status);
      present.add(key);
      if (this.#byKey.get(key) === status) continue;
      this.#byKey.set(key, status);
      changed.push(status);
    }
    const removed = replaced.map(endpointKey).filter((key) => !present.has(key));
    for (const key of removed) this.#byKey.delete(key);
    return { changed, removed };
  }
}
