import type { Entry, NoteLocation } from "../schedule/entry.ts";

/** Record with the last states of one or more messages. */
export interface SharedState {
  readonly sequence: number;
  /** Number of messages of which it is the last state. */
  entries: number;
}

/** Sequences of a message's records in the stream, beyond those that its entry has: the last state without a note. */
export class RecordPlaces {
  readonly #states = new WeakMap<Entry, SharedState>();

  /**
   * Sets the last state of a message, which is without a note.
   *
   * @param state undefined if the last state has a note, which is in the entry
   * @returns what is no longer needed
   */
  stateAt(entry: Entry, state: SharedState | undefined): number[] {
    const earlier = this.#states.get(entry);
    if (state) {
      state.entries++;
      this.#states.set(entry, state);
    } else this.#states.delete(entry);
    if (!earlier || earlier === state) return [];
    earlier.entries--;
    return earlier.entries === 0 ? [earlier.sequence] : [];
  }

  /** Forgets a message; returns all of its records. */
  take(entry: Entry): number[] {
    return this.replacedBy(entry, []);
  }

  /** Forgets the state of a message that a copy replaces; returns all of its records except the notes that the copy keeps. */
  replacedBy(entry: Entry, kept: readonly NoteLocation[]): number[] {
    const { segment, bodyOffset, notes = [] } = entry;
    const keptPlaces = new Set(kept.map((note) => note.segment));
    const places = new Map([[segment, bodyOffset], ...notes.map((note) => [note.segment, note.offset] as const)]);
    const records = this.stateAt(entry, undefined);
    for (const [last, parts] of places) {
      if (keptPlaces.has(last)) continue;
      records.push(...sequencesTo(last, parts));
    }
    return records;
  }
}

/** Returns the sequences of a record and of its parts, which are right before it. */
export const sequencesTo = (last: number, parts: number): number[] =>
  Array.from({ length: parts + 1 }, (_, index) => last - parts + index);
