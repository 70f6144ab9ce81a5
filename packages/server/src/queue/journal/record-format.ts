import { crc32 } from "node:zlib";
import type { MessageState } from "../queue.ts";

/*
 * Records, little-endian. Times are milliseconds since the epoch and have 6 bytes, as have sequences.
 *
 *   u32 bytes that follow, u8 type, and
 *   message: sequence, enqueued, due, until, u8 status, u32 attempts, key (16, zeros without one), u32 body bytes, u32 CRC-32 of the body,
 *            u16 and id, u16 and topic, u16 and order key, u32 number of notes, u32 and each note, and the body if it is not done
 *   state:   sequence, due, until, u8 status, u32 attempts, u8 1 if there is a note, and the note
 *   removed: sequence
 *   topic:   sequence up to which all messages of the topic are removed, and the topic
 *   key:     enqueued, key (16), and id
 *   segment: u32 number of a segment whose messages have been copied
 */
const TYPES = { message: 1, state: 2, removed: 3, topic: 4, key: 5, segment: 6 } as const;

const STATUSES = ["waiting", "leased", "done", "dead"] as const;
/** Largest time and sequence. */
export const MAX_U48 = 2 ** 48 - 1;
export const KEY_BYTES = 16;
const NO_KEY = "\0".repeat(KEY_BYTES);

/** Message with its complete state. It replaces all that earlier records say about it. */
export interface MessageRecord {
  readonly sequence: number;
  readonly enqueuedMs: number;
  readonly dueMs: number;
  readonly untilMs: number;
  readonly status: MessageState["status"];
  readonly attempts: number;
  /** Hash of topic and idempotency key, in Latin-1; empty without a key. */
  readonly key: string;
  readonly bodyBytes: number;
  readonly bodyChecksum: number;
  readonly id: string;
  readonly topic: string;
  readonly orderKey: string | undefined;
}

/** State of a message after a lease, an outcome or a replay. */
export interface StateRecord {
  readonly sequence: number;
  readonly dueMs: number;
  readonly untilMs: number;
  readonly status: MessageState["status"];
  readonly attempts: number;
}

/** Record of a journal. Offsets are those in the buffer that was read. */
export type JournalRecord =
  | (MessageRecord & {
      readonly type: "message";
      readonly notes: readonly { readonly offset: number; readonly bytes: number }[] | undefined;
      readonly bodyOffset: number;
      readonly headBytes: number;
    })
  | (StateRecord & { readonly type: "state"; readonly note?: { readonly offset: number; readonly bytes: number } })
  | { readonly type: "removed"; readonly sequence: number }
  | { readonly type: "topic"; readonly sequence: number; readonly topic: string }
  | { readonly type: "key"; readonly enqueuedMs: number; readonly key: string; readonly id: string }
  | { readonly type: "segment"; readonly number: number };

/** Record in bytes, and where its parts are. */
export interface EncodedMessage {
  readonly bytes: Buffer;
  readonly headBytes: number;
  readonly notes: readonly { readonly offset: number; readonly bytes: number }[] | undefined;
  readonly bodyOffset: number;
}

/** Formats a message; `body` is absent when it is done. */
export function encodeMessage(
  message: MessageRecord,
  notes: readonly Uint8Array[],
  body: Uint8Array | undefined,
): EncodedMessage {
  const { id, topic, orderKey = "" } = message;
  const [idBytes, topicBytes, orderBytes] = [id, topic, orderKey].map((text) => Buffer.byteLength(text)) as [
    number,
    number,
    number,
  ];
  const headBytes = 4 + 1 + 24 + 1 + 4 + KEY_BYTES + 8 + 6 + idBytes + topicBytes + orderBytes + 4;
  const noteBytes = notes.reduce((sum, note) => sum + 4 + note.length, 0);
  const writer = new Writer(headBytes + noteBytes + (body?.length ?? 0), TYPES.message);
  writer.u48(message.sequence);
  writer.u48(message.enqueuedMs);
  writer.u48(message.dueMs);
  writer.u48(message.untilMs);
  writer.u8(STATUSES.indexOf(message.status));
  writer.u32(message.attempts);
  writer.latin1(message.key || NO_KEY);
  writer.u32(message.bodyBytes);
  writer.u32(message.bodyChecksum);
  writer.text(id, idBytes);
  writer.text(topic, topicBytes);
  // An empty order key is a key too: the length is one more, and 0 without a key.
  writer.text(orderKey, orderBytes, message.orderKey === undefined ? 0 : 1);
  writer.u32(notes.length);
  const places = notes.map((note) => {
    writer.u32(note.length);
    const offset = writer.offset;
    writer.bytes(note);
    return { offset, bytes: note.length };
  });
  const bodyOffset = writer.offset;
  if (body) writer.bytes(body);
  return { bytes: writer.buffer, headBytes, notes: places.length > 0 ? places : undefined, bodyOffset };
}

/** Formats a state; its note, if there is one, is at the end. */
export function encodeState(state: StateRecord, note?: Uint8Array): Buffer {
  const writer = new Writer(4 + 1 + 18 + 1 + 4 + 1 + (note?.length ?? 0), TYPES.state);
  writer.u48(state.sequence);
  writer.u48(state.dueMs);
  writer.u48(state.untilMs);
  writer.u8(STATUSES.indexOf(state.status));
  writer.u32(state.attempts);
  writer.u8(note ? 1 : 0);
  if (note) writer.bytes(note);
  return writer.buffer;
}

export function encodeRemoved(sequence: number): Buffer {
  const writer = new Writer(4 + 1 + 6, TYPES.removed);
  writer.u48(sequence);
  return writer.buffer;
}

export function encodeTopicRemoved(topic: string, sequence: number): Buffer {
  const name = Buffer.from(topic);
  const writer = new Writer(4 + 1 + 6 + name.length, TYPES.topic);
  writer.u48(sequence);
  writer.bytes(name);
  return writer.buffer;
}

export function encodeKey(key: string, id: string, enqueuedMs: number): Buffer {
  const name = Buffer.from(id);
  const writer = new Writer(4 + 1 + 6 + KEY_BYTES + name.length, TYPES.key);
  writer.u48(enqueuedMs);
  writer.latin1(key);
  writer.bytes(name);
  return writer.buffer;
}

export function encodeSegmentRemoved(number: number): Buffer {
  const writer = new Writer(4 + 1 + 4, TYPES.segment);
  writer.u32(number);
  return writer.buffer;
}

/** Reads the record at `offset`; the caller has checked the checksum of the frame around it. Returns it with the end of the record. */
export function decodeRecord(buffer: Buffer, offset: number): { readonly record: JournalRecord; readonly end: number } {
  const end = offset + 4 + buffer.readUInt32LE(offset);
  if (end > buffer.length) throw new RangeError("a record is longer than its frame");
  const reader = new Reader(buffer, offset + 5);
  return { record: decodeFields(buffer[offset + 4] as number, reader, offset, end), end };
}

function decodeFields(type: number, reader: Reader, start: number, end: number): JournalRecord {
  switch (type) {
    case TYPES.message:
      return decodeMessage(reader, start);
    case TYPES.state: {
      const sequence = reader.u48();
      const dueMs = reader.u48();
      const untilMs = reader.u48();
      const status = statusOf(reader.u8());
      const attempts = reader.u32();
      const note = reader.u8() === 1 ? { note: { offset: reader.offset, bytes: end - reader.offset } } : {};
      return { type: "state", sequence, dueMs, untilMs, status, attempts, ...note };
    }
    case TYPES.removed:
      return { type: "removed", sequence: reader.u48() };
    case TYPES.topic:
      return { type: "topic", sequence: reader.u48(), topic: reader.textUntil(end) };
    case TYPES.key:
      return { type: "key", enqueuedMs: reader.u48(), key: reader.latin1(KEY_BYTES), id: reader.textUntil(end) };
    case TYPES.segment:
      return { type: "segment", number: reader.u32() };
    default:
      throw new RangeError(`a record has the unknown type ${type}`);
  }
}

function decodeMessage(reader: Reader, start: number): JournalRecord {
  const sequence = reader.u48();
  const enqueuedMs = reader.u48();
  const dueMs = reader.u48();
  const untilMs = reader.u48();
  const status = statusOf(reader.u8());
  const attempts = reader.u32();
  const key = reader.latin1(KEY_BYTES);
  const bodyBytes = reader.u32();
  const bodyChecksum = reader.u32();
  const id = reader.text() ?? "";
  const topic = reader.text() ?? "";
  const orderKey = reader.text(1);
  const count = reader.u32();
  const headBytes = reader.offset - start;
  let notes: { offset: number; bytes: number }[] | undefined;
  for (let index = 0; index < count; index++) {
    const bytes = reader.u32();
    notes ??= [];
    notes.push({ offset: reader.offset, bytes });
    reader.offset += bytes;
  }
  return {
    type: "message",
    sequence,
    enqueuedMs,
    dueMs,
    untilMs,
    status,
    attempts,
    key: key === NO_KEY ? "" : key,
    bodyBytes,
    bodyChecksum,
    id,
    topic,
    orderKey,
    notes,
    bodyOffset: reader.offset,
    headBytes,
  };
}

function statusOf(index: number): MessageState["status"] {
  const status = STATUSES[index];
  if (!status) throw new RangeError(`a record has the unknown status ${index}`);
  return status;
}

export const checksum = (bytes: Uint8Array, start = 0): number => crc32(bytes, start);

/** Writes the fields of a record one after another. */
class Writer {
  readonly buffer: Buffer;
  offset = 0;

  constructor(bytes: number, type: number) {
    this.buffer = Buffer.allocUnsafe(bytes);
    this.u32(bytes - 4);
    this.u8(type);
  }

  u8(value: number): void {
    this.offset = this.buffer.writeUInt8(value, this.offset);
  }

  u32(value: number): void {
    this.offset = this.buffer.writeUInt32LE(value, this.offset);
  }

  u48(value: number): void {
    this.offset = this.buffer.writeUIntLE(value, this.offset, 6);
  }

  latin1(text: string): void {
    this.offset += this.buffer.write(text, this.offset, "latin1");
  }

  /** Writes the length of a text, plus `more`, and the text. */
  text(text: string, bytes: number, more = 0): void {
    this.offset = this.buffer.writeUInt16LE(bytes + more, this.offset);
    this.offset += this.buffer.write(text, this.offset);
  }

  bytes(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.offset);
    this.offset += bytes.length;
  }
}

/** Reads the fields of a record one after another. */
class Reader {
  readonly #buffer: Buffer;
  offset: number;

  constructor(buffer: Buffer, offset: number) {
    this.#buffer = buffer;
    this.offset = offset;
  }

  u8(): number {
    return this.#buffer[this.offset++] as number;
  }

  u32(): number {
    this.offset += 4;
    return this.#buffer.readUInt32LE(this.offset - 4);
  }

  u48(): number {
    this.offset += 6;
    return this.#buffer.readUIntLE(this.offset - 6, 6);
  }

  latin1(bytes: number): string {
    this.offset += bytes;
    return this.#buffer.toString("latin1", this.offset - bytes, this.offset);
  }

  /** Reads a length, less `more`, and the text; returns undefined if the length is less than `more`. */
  text(more = 0): string | undefined {
    const bytes = this.#buffer.readUInt16LE(this.offset) - more;
    this.offset += 2 + Math.max(bytes, 0);
    return bytes < 0 ? undefined : this.#buffer.toString("utf8", this.offset - bytes, this.offset);
  }

  textUntil(end: number): string {
    return this.#buffer.toString("utf8", this.offset, end);
  }
}
