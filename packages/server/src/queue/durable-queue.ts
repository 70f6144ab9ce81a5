import { FaasError, type Logger } from "@faas/core";
import { hashKey, type KnownKey, type KnownKeys } from "./journal/known-keys.ts";
import { checksum, MAX_U48 } from "./journal/record-format.ts";
import { DamagedBodyError, type MessageLog, type QueueMemory } from "./message-log.ts";
import type { Lease, ListFilter, MessageState, NewMessage, Outcome, Queue, Receipt, StoredMessage } from "./queue.ts";
import { Entry, type EntryState, stateOf } from "./schedule/entry.ts";
import type { Schedule } from "./schedule/schedule.ts";

const NO_BODY = Buffer.alloc(0);

/** Queue whose states, order and times are in memory, and whose messages are in a storage. */
export class DurableQueue implements Queue {
  readonly #memory: QueueMemory;
  readonly #schedule: Schedule;
  readonly #keys: KnownKeys;
  readonly #storage: MessageLog;
  readonly #log: Logger | undefined;
  /** Messages with an id of the caller's that are being written. */
  readonly #writing = new Map<string, Promise<void>>();

  /** The storage has filled the memory. */
  constructor(memory: QueueMemory, storage: MessageLog, log: Logger | undefined) {
    this.#memory = memory;
    this.#schedule = memory.schedule;
    this.#keys = memory.keys;
    this.#storage = storage;
    this.#log = log;
  }

  async enqueue(message: NewMessage): Promise<Receipt> {
    const nowMs = this.#memory.now();
    const key = message.idempotencyKey === undefined ? "" : hashKey(message.topic, message.idempotencyKey);
    const earlier = this.#earlier(message, key, nowMs);
    if (earlier) {
      if (earlier.written) await this.#inTime(earlier.written);
      return { id: earlier.id, isDuplicate: true };
    }
    const id = message.id ?? this.#memory.ids.next(nowMs);
    const written = this.#add({ ...message, id }, key, nowMs);
    const known: KnownKey = { id, enqueuedMs: nowMs, written };
    if (key) this.#keys.add(key, known, nowMs);
    if (message.id !== undefined) this.#writing.set(id, written);
    await this.#inTime(this.#ended(written, known, key, message));
    return { id, isDuplicate: false };
  }

  async lease(topic: string, count: number, leaseMs: number): Promise<readonly Lease[]> {
    const entries = this.#schedule.lease(topic, this.#storage.isReadable ? count : 0, leaseMs);
    const leases = entries.map(({ id, attempts, enqueuedMs, token }) => ({
      id,
      topic,
      attempt: attempts,
      enqueuedMs,
      token,
    }));
    // Not awaited: an attempt that a crash forgets is repeated with its number.
    this.#storage.saveLeases(entries).catch(() => {});
    const bodies = await this.#storage.readBodies(entries);
    return leases.flatMap((lease, index) => {
      const body = bodies.get(entries[index] as Entry);
      if (Buffer.isBuffer(body)) return [{ ...lease, body }];
      if (entries[index]?.isRemoved) return [];
      this.#log?.error({ err: body, id: lease.id }, "failed to read a message of the queue");
      // Otherwise its lease ends, and it is tried again: never lost because of a disk that may recover.
      return body instanceof DamagedBodyError ? [{ ...lease, body: NO_BODY, isDamaged: true }] : [];
    });
  }

  async extend({ id, token }: Lease, leaseMs: number): Promise<boolean> {
    const entry = this.#schedule.leased(id, token);
    if (!entry) return false;
    this.#schedule.extend(entry, this.#memory.now() + leaseMs);
    return true;
  }

  async settle({ id, token }: Lease, outcome: Outcome): Promise<boolean> {
    const entry = this.#schedule.leased(id, token);
    if (!entry) return false;
    const state = stateAfter(entry, outcome, this.#memory.now());
    this.#schedule.beginSettling(entry);
    try {
      await this.#storage.saveOutcome(entry, state, outcome.note, (notes) => this.#settled(entry, state, notes));
    } catch (error) {
      this.#schedule.abortSettling(entry, token);
      throw error;
    }
    return true;
  }

  async replay(id: string): Promise<boolean> {
    const entry = this.#schedule.get(id);
    if (entry?.status !== "dead" && entry?.status !== "waiting") return false;
    this.#schedule.change(entry, { status: "waiting", dueMs: this.#memory.now(), attempts: 0 });
    await this.#inTime(this.#storage.saveState(entry));
    return true;
  }

  async drop(id: string): Promise<boolean> {
    const entry = this.#schedule.get(id);
    if (!entry) return false;
    this.#schedule.remove(entry);
    await this.#inTime(this.#storage.remove(entry));
    return true;
  }

  async dropTopic(topic: string): Promise<void> {
    if (!this.#schedule.removeTopic(topic, this.#memory.sequence)) return;
    await this.#inTime(this.#storage.removeTopic(topic, this.#memory.sequence));
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
    const [bodies, notes] = await Promise.all([
      this.#storage.readBodies(entry.hasBody ? [entry] : []),
      this.#storage.readNotes(entry.notes ?? []),
    ]);
    const body = bodies.get(entry);
    if (body instanceof Error && !(body instanceof DamagedBodyError))
      throw new FaasError("QUEUE_FAILED", body.message, { cause: body });
    return { ...state, ...(Buffer.isBuffer(body) ? { body } : {}), notes };
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
    await this.#storage[Symbol.asyncDispose]();
  }

  /** Waits for a change as long as the storage's callers do. Without a limit, it adds nothing to the change: they are acknowledged in their order. */
  #inTime(written: Promise<void>): Promise<void> {
    const { patience } = this.#storage;
    if (!patience) return written;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(patience.error()), patience.ms);
      written.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /** Waits for the end of a write of a message, however late, and forgets that it is being written. */
  async #ended(written: Promise<void>, known: KnownKey, key: string, message: NewMessage): Promise<void> {
    const topic = this.#schedule.topic(message.topic);
    try {
      await written;
    } catch (error) {
      this.#keys.forget(key, known.id);
      throw error;
    } finally {
      known.written = undefined;
      this.#writing.delete(known.id);
      topic.pending--;
      this.#schedule.forgetIfEmpty(topic);
    }
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
      sequence: ++this.#memory.sequence,
      enqueuedMs: nowMs,
      bodyBytes: body.length,
      bodyChecksum: checksum(body),
    };
    const topic = this.#schedule.topic(message.topic);
    topic.pending++;
    const record = { ...fields, ...state, key, topic: message.topic, orderKey };
    return this.#storage.addMessage(record, body, (place) => {
      if (fields.sequence <= topic.droppedUpTo) return false;
      const line = orderKey === undefined ? undefined : topic.line(orderKey);
      this.#schedule.add(new Entry({ ...fields, topic, line, headBytes: place.headBytes }, state, place));
      return true;
    });
  }

  #settled(entry: Entry, state: EntryState, notes: Entry["notes"]): void {
    entry.isSettling = false;
    if (entry.isRemoved) return;
    this.#schedule.resize(entry, () => (entry.notes = notes));
    this.#schedule.change(entry, state);
    if (state.status !== "done") return;
    // Not awaited: a message that a crash brings back is within the limits, or removed again.
    for (const oldest of this.#schedule.removeDone(entry.topic.group, this.#memory.limits))
      this.#storage.remove(oldest).catch(() => {});
  }
}

/** Returns a time of a caller as it can be stored, not before `minMs`. */
const timeOf = (ms: number | undefined, minMs: number) => Math.min(Math.max(Math.ceil(ms ?? minMs), minMs), MAX_U48);

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
