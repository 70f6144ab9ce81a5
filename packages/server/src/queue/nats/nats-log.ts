import { hash, randomBytes } from "node:crypto";
import { FaasError, type Logger } from "@faas/core";
import { jetstream } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import * as records from "../journal/record-format.ts";
import type { MessageLog, MessagePlace, QueueMemory } from "../message-log.ts";
import type { Entry, EntryState, NoteLocation } from "../schedule/entry.ts";
import { Cleaner } from "./cleaner.ts";
import { type Connection, unavailable } from "./connection.ts";
import { PayloadReader } from "./payload-reader.ts";
import { readStream } from "./read-stream.ts";
import { type Fields, formatNotes, HEADERS, recordFields } from "./record-headers.ts";
import { RecordPlaces, sequencesTo } from "./record-places.ts";
import { Replay } from "./replay.ts";
import { subjectPrefix } from "./stream.ts";
import { MAX_SENT, type OnStored, type StreamMessage, StreamWriter, WAIT_MS } from "./stream-writer.ts";

/** Room for headers in a message. */
const HEADER_BYTES = 16 * 2 ** 10;
const MAX_PART_BYTES = 2 ** 20;
/** States in one message. */
const MAX_STATES = 256;
const EMPTY = new Uint8Array();

/** Messages in a stream of NATS JetStream. */
export class NatsLog implements MessageLog {
  readonly #connection: Connection;
  readonly #memory: QueueMemory;
  readonly #places = new RecordPlaces();
  readonly #writer: StreamWriter;
  readonly #reader: PayloadReader;
  readonly #cleaner: Cleaner;
  readonly #prefix: string;
  readonly #partBytes: number;

  /**
   * Begins to write, which ends the writes of an earlier server, and reads the stream.
   *
   * @throws QUEUE_UNAVAILABLE, STATE_DAMAGED
   */
  static async open(connection: Connection, memory: QueueMemory, log: Logger | undefined): Promise<NatsLog> {
    const prefix = subjectPrefix(connection.url.stream);
    const own = headers();
    own.set(HEADERS.server, randomBytes(8).toString("hex"));
    const client = jetstream(connection.client);
    const begin = () => client.publish(`${prefix}.server`, EMPTY, { headers: own });
    // More than an earlier server can have sent: the last of them expects a sequence that is taken by one of these.
    const acks = await Promise.all(Array.from({ length: MAX_SENT + 1 }, begin)).catch((error: Error) => {
      throw unavailable(connection.shownUrl, `does not store the queue: ${error.message}`, error);
    });
    const sequence = Math.max(...acks.map(({ seq }) => seq));
    const writer = new StreamWriter(connection, sequence, log);
    const queue = new NatsLog(connection, memory, writer, log);
    try {
      await queue.#restore(sequence);
      await connection.manager.streams.purge(connection.url.stream, { filter: `${prefix}.server`, keep: 1 });
    } catch (error) {
      await queue[Symbol.asyncDispose]();
      throw error;
    }
    return queue;
  }

  private constructor(connection: Connection, memory: QueueMemory, writer: StreamWriter, log: Logger | undefined) {
    this.#connection = connection;
    this.#memory = memory;
    this.#writer = writer;
    this.#prefix = subjectPrefix(connection.url.stream);
    this.#partBytes = Math.min(connection.maxPayload - HEADER_BYTES, MAX_PART_BYTES);
    this.#reader = new PayloadReader(connection);
    this.#cleaner = new Cleaner(connection, (sequences) => this.#storeRemoved(sequences), log);
    memory.onRemoved = (entry, isExpired) => {
      if (isExpired) this.#cleaner.expire({ sequence: entry.sequence, records: this.#places.take(entry) });
    };
    connection.onChange = (isConnected) => {
      this.#writer.interrupt("the connection was lost");
      if (isConnected) this.#memory.schedule.announceReady();
    };
  }

  readonly patience = { ms: WAIT_MS, error: () => this.#writer.lateError() };

  get isReadable(): boolean {
    return this.#connection.isConnected;
  }

  addMessage(
    message: records.MessageRecord,
    body: Uint8Array,
    onStored: (place: MessagePlace) => boolean,
  ): Promise<void> {
    const { bytes, headBytes } = records.encodeMessage(message, [], undefined);
    const subject = this.#subjectOf(message.topic);
    const [messages, parts] = this.#split(subject, recordFields(bytes), body);
    if (message.key) messages.push(this.#keyMessage(message.key, message.id, message.enqueuedMs));
    const onWritten: OnStored = (last) => {
      const segment = message.key ? last - 1 : last;
      // A dropped message is removed with its topic.
      onStored({ segment, bodyOffset: parts, notes: undefined, headBytes });
    };
    return this.#writer.write(messages, onWritten, { isDroppable: true });
  }

  saveState(entry: Entry): Promise<void> {
    return this.#saveTogether([entry]);
  }

  /** Stores the states in few messages: each is written once, and removed once. */
  async saveLeases(entries: readonly Entry[]): Promise<void> {
    const writes: Promise<void>[] = [];
    for (let start = 0; start < entries.length; start += MAX_STATES)
      writes.push(this.#saveTogether(entries.slice(start, start + MAX_STATES)));
    await Promise.all(writes);
  }

  saveOutcome(
    entry: Entry,
    state: EntryState,
    note: Uint8Array | undefined,
    onStored: (notes: Entry["notes"]) => void,
  ): Promise<void> {
    if (state.status === "done") return this.#saveDone(entry, state, note, onStored);
    const fields = recordFields(records.encodeState({ sequence: entry.sequence, ...state }));
    const subject = this.#subjectOf(entry.topic.name);
    const [messages, parts] = this.#split(subject, { ...fields, ...noteField(note) }, note ?? EMPTY);
    return this.#writer.write(messages, (segment) => {
      const place = note && { segment, offset: parts, bytes: note.length };
      this.#cleaner.remove(this.#places.stateAt(entry, note ? undefined : { sequence: segment, entries: 0 }));
      if (entry.isRemoved) this.#cleaner.remove(sequencesTo(segment, parts));
      onStored(place ? [...(entry.notes ?? []), place] : entry.notes);
    });
  }

  remove(entry: Entry): Promise<void> {
    return this.#save(`${this.#prefix}.removed`, records.encodeRemoved(entry.sequence), (sequence) =>
      this.#cleaner.remove(this.#places.take(entry), [sequence]),
    );
  }

  removeTopic(topic: string, upToSequence: number): Promise<void> {
    const subject = this.#subjectOf(topic);
    return this.#save(subject, records.encodeTopicRemoved(topic, upToSequence), (sequence) =>
      this.#cleaner.purge(subject, sequence),
    );
  }

  readBodies(entries: readonly Entry[]): Promise<Map<Entry, Buffer | Error>> {
    return this.#reader.bodies(entries);
  }

  async readNotes(notes: readonly NoteLocation[]): Promise<Buffer[]> {
    try {
      return await Promise.all(notes.map((note) => this.#reader.note(note)));
    } catch (error) {
      throw new FaasError("QUEUE_FAILED", `A message cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.onChange = () => {};
    this.#reader.close();
    const stopped = this.#cleaner.stop();
    await this.#writer.close();
    await this.#connection[Symbol.asyncDispose]();
    await stopped;
  }

  async #restore(lastSequence: number): Promise<void> {
    const replay = new Replay(this.#memory, this.#places);
    await readStream(this.#connection, lastSequence, (message) => {
      if (message.seq < lastSequence) replay.read(message);
    });
    replay.finish();
    this.#memory.sequence = Math.max(this.#memory.sequence, lastSequence);
    for (const [key, { id, enqueuedMs }] of replay.unsavedKeys)
      if (this.#memory.keys.find(key, this.#memory.now())?.id === id)
        this.#writer.write([this.#keyMessage(key, id, enqueuedMs)]).catch(() => {});
    this.#cleaner.remove(replay.superfluous, replay.removals);
    for (const message of replay.expired) this.#cleaner.expire(message);
  }

  /** Stores a copy of a message without its body, which refers to its earlier notes. */
  #saveDone(
    entry: Entry,
    state: EntryState,
    note: Uint8Array | undefined,
    onStored: (notes: Entry["notes"]) => void,
  ): Promise<void> {
    const { topic, line, notes = [] } = entry;
    const message = { ...entryFields(entry), ...state, key: "", topic: topic.name, orderKey: line?.key };
    const fields = {
      ...recordFields(records.encodeMessage(message, [], undefined).bytes),
      ...noteField(note),
      ...(notes.length > 0 ? { [HEADERS.notes]: formatNotes(notes) } : {}),
    };
    const [messages, parts] = this.#split(this.#subjectOf(topic.name), fields, note ?? EMPTY);
    return this.#writer.write(messages, (segment) => {
      if (entry.isRemoved) {
        this.#cleaner.remove(sequencesTo(segment, parts));
        return onStored(undefined);
      }
      this.#cleaner.remove(this.#places.replacedBy(entry, notes));
      entry.segment = segment;
      entry.bodyOffset = parts;
      onStored(note ? [...notes, { segment, offset: parts, bytes: note.length }] : entry.notes);
    });
  }

  #saveTogether(entries: readonly Entry[]): Promise<void> {
    const subject = this.#subjectOf((entries[0] as Entry).topic.name);
    const bytes = Buffer.concat(entries.map((entry) => records.encodeState(entry)));
    return this.#save(subject, bytes, (sequence) => {
      const shared = { sequence, entries: 0 };
      this.#cleaner.remove(entries.flatMap((entry) => this.#places.stateAt(entry, shared)));
    });
  }

  #save(subject: string, bytes: Buffer, onStored: OnStored): Promise<void> {
    return this.#writer.write([{ subject, fields: recordFields(bytes), payload: EMPTY }], onStored);
  }

  async #storeRemoved(sequences: readonly number[]): Promise<number> {
    let record = 0;
    const bytes = Buffer.concat(sequences.map((sequence) => records.encodeRemoved(sequence)));
    await this.#save(`${this.#prefix}.removed`, bytes, (sequence) => (record = sequence));
    return record;
  }

  /** Splits a payload into messages; the last one has the fields. Returns them, and how many are before the last. */
  #split(subject: string, fields: Fields, payload: Uint8Array): [messages: StreamMessage[], parts: number] {
    const parts = Math.max(0, Math.ceil(payload.length / this.#partBytes) - 1);
    const messages = Array.from({ length: parts }, (_, index) => ({
      subject,
      fields: {},
      payload: payload.subarray(index * this.#partBytes, (index + 1) * this.#partBytes),
    }));
    const own = parts > 0 ? { ...fields, [HEADERS.parts]: String(parts) } : fields;
    return [[...messages, { subject, fields: own, payload: payload.subarray(parts * this.#partBytes) }], parts];
  }

  /** The key of a message outlives it, and removes itself. */
  #keyMessage(key: string, id: string, enqueuedMs: number): StreamMessage {
    const { windowMs } = this.#memory.keys;
    const leftMs = enqueuedMs + windowMs - this.#memory.now();
    const fields = {
      ...recordFields(records.encodeKey(key, id, enqueuedMs)),
      [HEADERS.ttl]: `${Math.max(1, Math.ceil(leftMs / 1_000))}s`,
    };
    return { subject: `${this.#prefix}.key`, fields, payload: EMPTY };
  }

  /** All records of a topic have one subject, so that they can be removed at once. */
  #subjectOf(topic: string): string {
    return `${this.#prefix}.topic.${hash("sha256", topic, "hex").slice(0, 32)}`;
  }
}

function entryFields({ id, sequence, enqueuedMs, bodyBytes, bodyChecksum }: Entry) {
  return { id, sequence, enqueuedMs, bodyBytes, bodyChecksum };
}

const noteField = (note: Uint8Array | undefined): Fields => (note ? { [HEADERS.note]: String(note.length) } : {});
