import type { JsMsg } from "@nats-io/jetstream";
import type { JournalRecord } from "../journal/record-format.ts";
import type { QueueMemory } from "../message-log.ts";
import { Entry } from "../schedule/entry.ts";
import type { ExpiredMessage } from "./cleaner.ts";
import { HEADERS, parseRecord, type StreamRecord } from "./record-headers.ts";
import { type RecordPlaces, type SharedState, sequencesTo } from "./record-places.ts";

/** Builds the memory of a queue from the messages of its stream, in their order, and finds those that are not needed. */
export class Replay {
  readonly #memory: QueueMemory;
  readonly #places: RecordPlaces;
  readonly #entries = new Map<number, Entry>();
  /** Sequence up to which all messages of a topic are removed, and records about it. */
  readonly #removedTopics = new Map<string, { upTo: number; records: number[] }>();
  /** Keys of which there is only the message. */
  readonly #unsavedKeys = new Map<string, { readonly id: string; readonly enqueuedMs: number }>();
  /** Notes of messages that were not found before them, by sequence, and how many parts they have. */
  readonly #strayNotes = new Map<number, number>();
  /** Parts before the present message, without a gap. */
  #parts: number[] = [];
  /** Messages that are not needed. */
  readonly superfluous: number[] = [];
  /** Messages that are not needed when the others are gone. */
  readonly removals: number[] = [];
  /** Messages whose time has come. Their records can only be removed after a record about it: without the last one, the others would be valid again. */
  readonly expired: ExpiredMessage[] = [];

  constructor(memory: QueueMemory, places: RecordPlaces) {
    this.#memory = memory;
    this.#places = places;
  }

  get unsavedKeys(): ReadonlyMap<string, { readonly id: string; readonly enqueuedMs: number }> {
    return this.#unsavedKeys;
  }

  read({ seq, headers }: Pick<JsMsg, "seq" | "headers">): void {
    const record = parseRecord(headers);
    if (!record) {
      if (!headers?.has(HEADERS.server)) this.#parts.push(seq);
      return;
    }
    this.superfluous.push(...this.#parts.splice(0, Math.max(0, this.#parts.length - record.parts)));
    if (this.#parts.length < record.parts) throw new Error(`${record.parts} parts belong to it, but some are missing`);
    this.#parts = [];
    const state = { sequence: seq, entries: 0 };
    for (const each of record.records) this.#apply(each, record, state);
    const isOfNone = record.records[0]?.type === "state" && state.entries === 0 && record.noteBytes === undefined;
    if (isOfNone) this.superfluous.push(...sequencesTo(seq, record.parts));
  }

  /** Puts the messages that exist into the schedule. */
  finish(): void {
    const { schedule } = this.#memory;
    const nowMs = this.#memory.now();
    this.superfluous.push(...this.#parts);
    for (const [seq, parts] of this.#strayNotes) this.superfluous.push(...sequencesTo(seq, parts));
    const entries: Entry[] = [];
    for (const entry of this.#entries.values()) {
      const { topic, sequence, status, untilMs } = entry;
      const isDropped = sequence <= (this.#removedTopics.get(topic.name)?.upTo ?? 0);
      const isExpired = (status === "done" || status === "dead") && untilMs <= nowMs;
      if (isDropped) this.#discard(entry);
      else if (isExpired) this.expired.push({ sequence, records: this.#places.take(entry) });
      else entries.push(entry);
    }
    for (const { records } of this.#removedTopics.values()) this.removals.push(...records);
    this.#entries.clear();
    schedule.restore(entries);
  }

  #apply(record: JournalRecord, stored: StreamRecord, state: SharedState): void {
    const seq = state.sequence;
    if ("sequence" in record) this.#memory.sequence = Math.max(this.#memory.sequence, record.sequence);
    switch (record.type) {
      case "message":
        this.#message(record, stored, seq);
        break;
      case "state":
        this.#state(record, stored, state);
        break;
      case "removed": {
        const entry = this.#entries.get(record.sequence);
        if (entry) this.#discard(entry);
        this.#entries.delete(record.sequence);
        if (this.removals.at(-1) !== seq) this.removals.push(seq);
        break;
      }
      case "topic": {
        const removed = this.#removedTopics.get(record.topic) ?? { upTo: 0, records: [] };
        removed.upTo = record.sequence;
        removed.records.push(seq);
        this.#removedTopics.set(record.topic, removed);
        break;
      }
      case "key": {
        this.#unsavedKeys.delete(record.key);
        this.#memory.keys.restore(record.key, record.id, record.enqueuedMs, this.#memory.now());
        break;
      }
      case "segment":
        throw new Error("it is a record of a journal");
    }
  }

  #message(record: JournalRecord & { type: "message" }, { parts, noteBytes, notes }: StreamRecord, seq: number): void {
    const { schedule, ids, keys } = this.#memory;
    const { sequence, orderKey, id, key, enqueuedMs } = record;
    const topic = schedule.topic(record.topic);
    const line = orderKey === undefined ? undefined : topic.line(orderKey);
    const own = noteBytes === undefined ? [] : [{ segment: seq, offset: parts, bytes: noteBytes }];
    const all = [...notes, ...own];
    for (const { segment } of notes) this.#strayNotes.delete(segment);
    const place = { segment: seq, bodyOffset: parts, notes: all.length > 0 ? all : undefined };
    const entry = new Entry({ ...record, topic, line, headBytes: 0 }, record, place);
    const earlier = this.#entries.get(sequence);
    if (earlier) this.superfluous.push(...this.#places.replacedBy(earlier, notes));
    this.#entries.set(sequence, entry);
    ids.continueAfter(id);
    if (!key) return;
    keys.restore(key, id, enqueuedMs, this.#memory.now());
    if (!earlier) this.#unsavedKeys.set(key, { id, enqueuedMs });
  }

  #state(record: JournalRecord & { type: "state" }, { parts, noteBytes }: StreamRecord, state: SharedState): void {
    const { sequence: seq } = state;
    const entry = this.#entries.get(record.sequence);
    if (!entry) {
      // A copy of the message may follow that keeps the note; the message itself was removed then.
      if (noteBytes !== undefined) this.#strayNotes.set(seq, parts);
      return;
    }
    const { status, dueMs, untilMs, attempts } = record;
    Object.assign(entry, { status, dueMs, untilMs, attempts });
    if (noteBytes !== undefined)
      entry.notes = [...(entry.notes ?? []), { segment: seq, offset: parts, bytes: noteBytes }];
    this.superfluous.push(...this.#places.stateAt(entry, noteBytes === undefined ? state : undefined));
  }

  #discard(entry: Entry): void {
    this.superfluous.push(...this.#places.take(entry));
  }
}
