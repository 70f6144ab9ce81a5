import { FaasError, type Logger } from "@faas/core";
import type { Lease, ListFilter, MessageState, NewMessage, Outcome, Queue, Receipt, StoredMessage } from "../queue.ts";
import { Entry, type EntryState, type NoteLocation, stateOf } from "../schedule/entry.ts";
import { Schedule } from "../schedule/schedule.ts";
import { readBodies } from "./body-reader.ts";
import { Compaction } from "./compaction.ts";
import { Ids } from "./ids.ts";
import { Journal } from "./journal.ts";
import { hashKey, type KnownKey, KnownKeys } from "./known-keys.ts";
import * as records from "./record-format.ts";
import { recover } from "./recovery.ts";
import type { Segment } from "./segment.ts";

const HOUR_MS = 3_600_000;
const SEGMENT_BYTES = 32 * 2 ** 20;

export interface JournalQueueOptions {
  /** Folder for the journal, which is created if it is missing. */
  readonly folder: string;
  /** Returns milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: () => number;
  /** A new file begins when one has this size. @defaultValue 32 MiB */
  readonly segmentBytes?: number;
  /** Time for which an idempotency key is known. @defaultValue 24 hours */
  readonly idempotencyWindowMs?: number;
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
  const queue = new JournalQueue(options);
  await queue.open();
  return queue;
}

/** Queue in memory, whose changes are in a journal, and whose bodies are only there. */
class JournalQueue implements Queue {
  readonly #options: JournalQueueOptions;
  readonly #now: () => number;
  readonly #log: Logger | undefined;
  readonly #assertLockHeld: () => Promise<void>;
  readonly #schedule: Schedule;
  readonly #keys: KnownKeys;
  readonly #ids = new Ids();
  /** Messages with an id of the caller's that are being written. */
  readonly #writing = new Map<string, Promise<void>>();
  #sequence = 0;
  #journal!: Journal;
  #compaction!: Compaction;

  constructor(options: JournalQueueOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => Date.now());
    this.#log = options.log;
    this.#assertLockHeld = options.assertLockHeld ?? (async () => {});
    this.#keys = new KnownKeys(options.idempotencyWindowMs ?? 24 * HOUR_MS);
    this.#schedule = new Schedule(this.#now, (entry) => this.#hold(entry.segment, -1));
  }

  async open(): Promise<void> {
    const { folder, segmentBytes = SEGMENT_BYTES } = this.#options;
    const [schedule, keys, ids, log] = [this.#schedule, this.#keys, this.#ids, this.#log];
    const assertLockHeld = this.#assertLockHeld;
    const found = await recover(folder, { schedule, keys, ids, nowMs: this.#now() }, assertLockHeld);
    this.#sequence = found.sequence;
    this.#journal = new Journal(
      { folder, segmentBytes, assertLockHeld, log },
      found,
      () => ({ sequence: this.#sequence, lastId: ids.last }),
      () => this.#compaction.kick(),
    );
    this.#compaction = new Compaction(this.#journal, schedule, keys, {
      segmentBytes,
      now: this.#now,
      assertLockHeld,
      log,
      relocate: (entry, segment, offset, copy) => this.#relocate(entry, segment, offset, copy),
    });
  }

  async enqueue(message: NewMessage): Promise<Receipt> {
    const nowMs = this.#now();
    const key = message.idempotencyKey === undefined ? "" : hashKey(message.topic, message.idempotencyKey);
    const earlier = this.#earlier(message, key, nowMs);
    if (earlier) {
      await earlier.written;
      return { id: earlier.id, isDuplicate: true };
    }
    const id = message.id ?? this.#ids.next(nowMs);
    const written = this.#add({ ...message, id }, key, nowMs);
    const known: KnownKey = { id, enqueuedMs: nowMs, written };
    if (key) this.#keys.add(key, known, nowMs);
    if (message.id !== undefined) this.#writing.set(id, written);
    const topic = this.#schedule.topic(message.topic);
    try {
      await written;
    } catch (error) {
      this.#keys.forget(key, id);
      throw error;
    } finally {
      known.written = undefined;
      this.#writing.delete(id);
      topic.pending--;
      this.#schedule.forgetIfEmpty(topic);
    }
    return { id, isDuplicate: false };
  }

  async lease(topic: string, count: number, leaseMs: number): Promise<readonly Lease[]> {
    const entries = this.#schedule.lease(topic, count, leaseMs);
    const leases = entries.map(({ id, attempts, enqueuedMs, token }) => ({
      id,
      topic,
      attempt: attempts,
      enqueuedMs,
      token,
    }));
    // Not awaited: an attempt that a crash forgets is repeated with its number.
    for (const entry of entries) this.#journal.append(records.encodeState(entry)).catch(() => {});
    const bodies = await readBodies(entries, this.#journal.segments);
    return leases.flatMap((lease, index) => {
      const body = bodies.get(entries[index] as Entry);
      if (Buffer.isBuffer(body)) return [{ ...lease, body }];
      // Its lease ends, and it is tried again: never lost because of a disk that may recover.
      this.#log?.error({ err: body, id: lease.id }, "failed to read a message of the queue");
      return [];
    });
  }

  async extend({ id, token }: Lease, leaseMs: number): Promise<boolean> {
    const entry = this.#schedule.leased(id, token);
    if (!entry) return false;
    this.#schedule.extend(entry, this.#now() + leaseMs);
    return true;
  }

  async settle({ id, token }: Lease, outcome: Outcome): Promise<boolean> {
    const entry = this.#schedule.leased(id, token);
    if (!entry) return false;
    const state = stateAfter(entry, outcome, this.#now());
    const { note } = outcome;
    const record = records.encodeState({ sequence: entry.sequence, ...state }, note);
    this.#schedule.beginSettling(entry);
    try {
      await this.#journal.append(record, ({ number }, offset) => {
        const bytes = note?.length ?? 0;
        this.#settled(entry, state, note && { segment: number, offset: offset + record.length - bytes, bytes });
      });
    } catch (error) {
      this.#schedule.abortSettling(entry, token);
      throw error;
    }
    return true;
  }

  async replay(id: string): Promise<boolean> {
    const entry = this.#schedule.get(id);
    if (entry?.status !== "dead" && entry?.status !== "waiting") return false;
    this.#schedule.change(entry, { status: "waiting", dueMs: this.#now(), attempts: 0 });
    await this.#journal.append(records.encodeState(entry));
    return true;
  }

  async drop(id: string): Promise<boolean> {
    const entry = this.#schedule.get(id);
    if (!entry) return false;
    this.#schedule.remove(entry);
    await this.#journal.append(records.encodeRemoved(entry.sequence));
    return true;
  }

  async dropTopic(topic: string): Promise<void> {
    if (!this.#schedule.removeTopic(topic, this.#sequence)) return;
    await this.#journal.append(records.encodeTopicRemoved(topic, this.#sequence));
  }

  async dropGroup(group: string): Promise<void> {
    await Promise.all(this.#schedule.topicsOf(group).map((topic) => this.dropTopic(topic)));
  }

  find(id: string): MessageState | undefined {
    this.#schedule.wake();
    const entry = this.#schedule.get(id);
    return entry && stateOf(entry);
  }

  async read(id: string): Promise<StoredMessage | undefined> {
    this.#schedule.wake();
    const entry = this.#schedule.get(id);
    if (!entry) return undefined;
    const state = stateOf(entry);
    const { segments } = this.#journal;
    const [bodies, notes] = await Promise.all([
      readBodies(entry.hasBody ? [entry] : [], segments),
      Promise.all(
        (entry.notes ?? []).map((note) => (segments.get(note.segment) as Segment).read(note.offset, note.bytes)),
      ),
    ]);
    const body = bodies.get(entry);
    if (body instanceof Error) throw new FaasError("QUEUE_FAILED", body.message, { cause: body });
    return { ...state, ...(body ? { body } : {}), notes };
  }

  list(filter: ListFilter): readonly MessageState[] {
    return this.#schedule.list(filter);
  }

  topicTotals(topic: string): ReturnType<Queue["topicTotals"]> {
    this.#schedule.wake();
    return this.#schedule.topicTotals(topic);
  }

  groupTotals(group: string): ReturnType<Queue["groupTotals"]> {
    this.#schedule.wake();
    return this.#schedule.groupTotals(group);
  }

  topics(): Iterable<string> {
    return this.#schedule.openTopics();
  }

  onReady(listener: (topic: string) => void): () => void {
    return this.#schedule.listeners.onReady(listener);
  }

  onChange(id: string, listener: (state: MessageState | undefined) => void): () => void {
    return this.#schedule.listeners.onChange(id, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#schedule.stop();
    await this.#compaction.stop();
    await this.#journal.close();
  }

  /** Returns the message that makes another one a duplicate. */
  #earlier({ id }: NewMessage, key: string, nowMs: number): Pick<KnownKey, "id" | "written"> | undefined {
    const known = key ? this.#keys.find(key, nowMs) : undefined;
    if (known || id === undefined) return known;
    const written = this.#writing.get(id);
    return written || this.#schedule.get(id) ? { id, written } : undefined;
  }

  /** Writes a message and adds it to the schedule when it is on disk. */
  #add(message: NewMessage & { readonly id: string }, key: string, nowMs: number): Promise<void> {
    const { id, orderKey, body } = message;
    const state: EntryState = { status: "waiting", dueMs: timeOf(message.dueMs, nowMs), untilMs: 0, attempts: 0 };
    const fields = {
      id,
      sequence: ++this.#sequence,
      enqueuedMs: nowMs,
      bodyBytes: body.length,
      bodyChecksum: records.checksum(body),
    };
    const record = records.encodeMessage({ ...fields, ...state, key, topic: message.topic, orderKey }, [], body);
    const topic = this.#schedule.topic(message.topic);
    topic.pending++;
    return this.#journal.append(record.bytes, (segment, offset) => {
      if (key) segment.keyMs = Math.max(segment.keyMs, nowMs);
      if (fields.sequence <= topic.droppedUpTo) return;
      const line = orderKey === undefined ? undefined : topic.line(orderKey);
      const location = { segment: segment.number, bodyOffset: offset + record.bodyOffset, notes: undefined };
      segment.messages++;
      this.#schedule.add(new Entry({ ...fields, topic, line, headBytes: record.headBytes }, state, location));
    });
  }

  #settled(entry: Entry, state: EntryState, note: NoteLocation | undefined): void {
    entry.isSettling = false;
    if (entry.isRemoved) return;
    if (note) this.#schedule.resize(entry, () => (entry.notes = [...(entry.notes ?? []), note]));
    this.#schedule.change(entry, state);
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

/** Returns a time of a caller as it can be stored, not before `minMs`. */
const timeOf = (ms: number | undefined, minMs: number) =>
  Math.min(Math.max(Math.ceil(ms ?? minMs), minMs), records.MAX_U48);

function stateAfter(entry: Entry, outcome: Outcome, nowMs: number): EntryState {
  const { dueMs, attempts } = entry;
  if (outcome.type !== "retry")
    return { status: outcome.type, dueMs, untilMs: timeOf(nowMs + outcome.keepMs, nowMs), attempts };
  return {
    status: "waiting",
    dueMs: timeOf(outcome.dueMs, nowMs),
    untilMs: 0,
    attempts: outcome.isUncounted ? Math.max(0, attempts - 1) : attempts,
  };
}
