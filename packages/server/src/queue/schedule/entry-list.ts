/** Names of the links of a list in its entries: an entry is in at most one list by each name. */
type ListName = "group" | "topic" | "ready" | "line";

/** Links of an entry. */
type Links<T> = { [Link in `${ListName}${"Previous" | "Next"}`]: T | undefined };

/** List of entries that are linked to each other. All changes cost the same at any length. */
export class EntryList<T extends Links<T>> {
  readonly #previous: `${ListName}Previous`;
  readonly #next: `${ListName}Next`;
  first: T | undefined;
  last: T | undefined;

  constructor(name: ListName) {
    this.#previous = `${name}Previous`;
    this.#next = `${name}Next`;
  }

  previous(entry: T): T | undefined {
    return entry[this.#previous];
  }

  append(entry: T): void {
    this.insertAfter(this.last, entry);
  }

  /** Inserts an entry; at the beginning without `previous`. */
  insertAfter(previous: T | undefined, entry: T): void {
    const next = previous ? previous[this.#next] : this.first;
    this.#link(entry, this.#previous, previous);
    this.#link(entry, this.#next, next);
    if (previous) this.#link(previous, this.#next, entry);
    else this.first = entry;
    if (next) this.#link(next, this.#previous, entry);
    else this.last = entry;
  }

  remove(entry: T): void {
    const [previous, next] = [entry[this.#previous], entry[this.#next]];
    if (previous) this.#link(previous, this.#next, next);
    else this.first = next;
    if (next) this.#link(next, this.#previous, previous);
    else this.last = previous;
    this.#link(entry, this.#previous, undefined);
    this.#link(entry, this.#next, undefined);
  }

  #link(entry: Links<T>, link: keyof Links<T>, other: T | undefined): void {
    entry[link] = other;
  }
}
