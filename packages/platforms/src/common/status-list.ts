import type { EndpointStatus } from "@faas/core";

/** What has a status, which is a new object when it changed. */
export interface StatusSource {
  readonly status: EndpointStatus;
}

/** The statuses of many endpoints as lists: one costs looking at those that changed since the last, and a copy. */
export class StatusList {
  readonly #sources: StatusSource[] = [];
  readonly #statuses: EndpointStatus[] = [];
  readonly #places = new Map<StatusSource, number>();
  readonly #changed = new Set<StatusSource>();

  /** Takes the source in, or takes note that it changed. */
  change(source: StatusSource): void {
    this.#changed.add(source);
  }

  /** The last one takes its place: whoever follows the lists sees few places change. */
  remove(source: StatusSource): void {
    this.#changed.delete(source);
    const place = this.#places.get(source);
    if (place === undefined) return;
    this.#places.delete(source);
    const last = this.#sources.pop() as StatusSource;
    const status = this.#statuses.pop() as EndpointStatus;
    if (last === source) return;
    this.#sources[place] = last;
    this.#statuses[place] = status;
    this.#places.set(last, place);
  }

  snapshot(): readonly EndpointStatus[] {
    for (const source of this.#changed) {
      let place = this.#places.get(source);
      if (place === undefined) {
        place = this.#sources.push(source) - 1;
        this.#places.set(source, place);
      }
      this.#statuses[place] = source.status;
    }
    this.#changed.clear();
    return this.#statuses.slice();
  }
}
