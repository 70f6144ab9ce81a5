import type { Logger } from "@faas/core";
import { DurableQueue } from "../durable-queue.ts";
import { type MessageLog, type MessagePlace, QueueMemory, type QueueMemoryOptions } from "../message-log.ts";
import type { Queue } from "../queue.ts";
import type { Entry, EntryState, NoteLocation } from "../schedule/entry.ts";
import { readBodies } from "./body-reader.ts";
import { Compaction } from "./compaction.ts";
import { Journal, type JournalOptions, type OpenSegments } from "./journal.ts";
import * as records from "./record-format.ts";
import { recover } from "./recovery.ts";
import type { Segment } from "./segment.ts";

const SEGMENT_BYTES = 32 * 2 ** 20;

export interface JournalQueueOptions extends QueueMemoryOptions {
  /** Folder for the journal, which is created if it is missing. */
  readonly folder: string;
  /** A new file begins when one has this size. @defaultValue 32 MiB */
  readonly segmentBytes?: number;
  /** Rejects when another server holds the lock of the folder. Called before every write, which then fails as it does, and after it. */
  readonly assertLockHeld?: () => Promise<void>;
  readonly log?: Logger;
}

/**
 * Opens the queue in a folder (docs/decisions/0048-durable-queue.md).
 *
 * @throws STATE_DAMAGED when a file of it cannot be read; nothing was changed
 */
export async function openJournalQueue(options: JournalQueueOptions): Promise<Queue> {
  const memory = new QueueMemory(options);
  const storage = await JournalLog.open(options, memory);
  return new DurableQueue(memory, storage, options.log);
}

/** Messages in a journal of segment files. */
class JournalLog implements MessageLog {
  readonly isReadable = true;
  readonly #journal: Journal;
  readonly #compaction: Compaction;

  static async open(options: JournalQueueOptions, memory: QueueMemory): Promise<JournalLog> {
    const { folder, segmentBytes = SEGMENT_BYTES, assertLockHeld = async () => {}, log } = options;
    const { schedule, keys, ids, now } = memory;
    const found = await recover(folder, { schedule, keys, ids, nowMs: now() }, assertLockHeld);
    memory.sequence = found.sequence;
    return new JournalLog({ folder, segmentBytes, assertLockHeld, log }, memory, found);
  }

  private constructor(options: JournalOptions, memory: QueueMemory, found: OpenSegments) {
    const { schedule, keys, ids, now } = memory;
    this.#journal = new Journal(
      options,
      found,
      () => ({ sequence: memory.sequence, lastId: ids.last }),
      () => this.#compaction.kick(),
    );
    this.#compaction = new Compaction(this.#journal, schedule, keys, {
      ...options,
      now,
      relocate: (entry, segment, offset, copy) => this.#relocate(entry, segment, offset, copy),
    });
    memory.onRemoved = (entry) => this.#hold(entry.segment, -1);
  }

  addMessage(
    message: records.MessageRecord,
    body: Uint8Array,
    onStored: (place: MessagePlace) => boolean,
  ): Promise<void> {
    const { bytes, headBytes, bodyOffset } = records.encodeMessage(message, [], body);
    return this.#journal.append(bytes, (segment, offset) => {
      if (message.key) segment.keyMs = Math.max(segment.keyMs, message.enqueuedMs);
      const place = { segment: segment.number, bodyOffset: offset + bodyOffset, notes: undefined, headBytes };
      if (onStored(place)) segment.messages++;
    });
  }

  saveState(entry: Entry): Promise<void> {
    return this.#journal.append(records.encodeState(entry));
  }

  async saveLeases(entries: readonly Entry[]): Promise<void> {
    await Promise.all(entries.map((entry) => this.saveState(entry)));
  }

  saveOutcome(
    entry: Entry,
    state: EntryState,
    note: Uint8Array | undefined,
    onStored: (notes: Entry["notes"]) => void,
  ): Promise<void> {
    const record = records.encodeState({ sequence: entry.sequence, ...state }, note);
    return this.#journal.append(record, ({ number }, offset) => {
      if (!note) return onStored(entry.notes);
      const place = { segment: number, offset: offset + record.length - note.length, bytes: note.length };
      onStored([...(entry.notes ?? []), place]);
    });
  }

  remove({ sequence }: Entry): Promise<void> {
    return this.#journal.append(records.encodeRemoved(sequence));
  }

  removeTopic(topic: string, upToSequence: number): Promise<void> {
    return this.#journal.append(records.encodeTopicRemoved(topic, upToSequence));
  }

  readBodies(entries: readonly Entry[]): Promise<Map<Entry, Buffer | Error>> {
    return readBodies(entries, this.#journal.segments);
  }

  readNotes(notes: readonly NoteLocation[]): Promise<Buffer[]> {
    const { segments } = this.#journal;
    return Promise.all(notes.map((note) => (segments.get(note.segment) as Segment).read(note.offset, note.bytes)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#compaction.stop();
    await this.#journal.close();
  }

  #relocate(entry: Entry, segment: Segment, offset: number, copy: records.EncodedMessage): void {
    if (entry.isRemoved) return;
    this.#hold(entry.segment, -1);
    segment.messages++;
    // Notes that were written after the copy stay in their places.
    const later = entry.notes?.slice(copy.notes?.length ?? 0) ?? [];
    const notes = [
      ...(copy.notes ?? []).map((note) => ({
        segment: segment.number,
        offset: offset + note.offset,
        bytes: note.bytes,
      })),
      ...later,
    ];
    entry.segment = segment.number;
    entry.bodyOffset = offset + copy.bodyOffset;
    entry.notes = notes.length > 0 ? notes : undefined;
  }

  #hold(segment: number, change: 1 | -1): void {
    const held = this.#journal.segments.get(segment);
    if (held) held.messages += change;
  }
}
