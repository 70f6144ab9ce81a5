import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "@faas/core";
import type { Entry } from "../schedule/entry.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { Journal } from "./journal.ts";
import type { KnownKeys } from "./known-keys.ts";
import { recordsOf } from "./read-segment.ts";
import { encodeKey, encodeMessage, encodeSegmentRemoved, type JournalRecord } from "./record-format.ts";
import type { Segment } from "./segment.ts";

/** Copies that are written before others wait for them, so that other writes stay short. */
const MAX_COPIED_BYTES = 2 ** 20;
/** Records that are looked at in one turn of the event loop. */
const RECORDS_PER_TURN = 2_000;
const RETRY_MS = 60_000;
/** Number of segments, however small, that is never too many. */
const MAX_SMALL_SEGMENTS = 8;

export interface CompactionOptions {
  readonly segmentBytes: number;
  readonly now: () => number;
  readonly assertLockHeld: () => Promise<void>;
  readonly log?: Logger | undefined;
  /** Sets the place of a message that was copied. */
  readonly relocate: (entry: Entry, segment: Segment, offset: number, copy: ReturnType<typeof encodeMessage>) => void;
}

/**
 * Removes the oldest segment while less than half of the journal is in use: its messages are copied to the end as they are now. Always the oldest, so that
 * no record about a message is removed before the message itself.
 */
export class Compaction {
  readonly #journal: Journal;
  readonly #schedule: Schedule;
  readonly #keys: KnownKeys;
  readonly #options: CompactionOptions;
  #running: Promise<void> | undefined;
  #retryMs = 0;
  #isStopped = false;

  constructor(journal: Journal, schedule: Schedule, keys: KnownKeys, options: CompactionOptions) {
    this.#journal = journal;
    this.#schedule = schedule;
    this.#keys = keys;
    this.#options = options;
  }

  /** Starts if there is something to do. */
  kick(): void {
    if (this.#running || !this.#dueSegment()) return;
    this.#running = this.#run().finally(() => (this.#running = undefined));
  }

  /** Stops before the next record. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** Returns the oldest segment if it is to be removed. */
  #dueSegment(): Segment | undefined {
    const [oldest] = this.#journal.segments.values();
    if (!oldest || this.#isStopped || this.#journal.isCurrent(oldest) || this.#options.now() < this.#retryMs) return;
    const { segmentBytes } = this.#options;
    const live = this.#schedule.liveBytes + this.#keys.bytes;
    const isDue =
      this.#isFree(oldest) ||
      this.#journal.bytes > 2 * live + 2 * segmentBytes ||
      this.#journal.segments.size > MAX_SMALL_SEGMENTS + (2 * live) / segmentBytes;
    return isDue ? oldest : undefined;
  }

  /** True when nothing in the segment is needed. */
  #isFree({ messages, keyMs }: Segment): boolean {
    return messages === 0 && keyMs + this.#keys.windowMs <= this.#options.now();
  }

  async #run(): Promise<void> {
    try {
      for (let segment = this.#dueSegment(); segment; segment = this.#dueSegment()) {
        if (!this.#isFree(segment)) await this.#copy(segment);
        if (this.#isStopped) return;
        await this.#remove(segment);
      }
    } catch (error) {
      this.#retryMs = this.#options.now() + RETRY_MS;
      this.#options.log?.warn({ err: error }, "failed to compact the queue, will retry");
    }
  }

  async #remove(segment: Segment): Promise<void> {
    if (segment.messages > 0) throw new Error(`${segment.file} still has ${segment.messages} messages`);
    await this.#journal.append(encodeSegmentRemoved(segment.number), () => this.#journal.release(segment));
    await this.#options.assertLockHeld();
    await segment.remove();
  }

  async #copy(segment: Segment): Promise<void> {
    const buffer = await segment.read(0, segment.bytes);
    let copied = 0;
    let records = 0;
    let written: Promise<void> | undefined;
    for (const record of recordsOf(buffer, segment.file)) {
      if (this.#isStopped) return;
      if (++records % RECORDS_PER_TURN === 0) await nextTurn();
      const [bytes, done] = await this.#copyRecord(record, segment, buffer);
      copied += bytes;
      written = done ?? written;
      if (copied < MAX_COPIED_BYTES) continue;
      await written;
      copied = 0;
    }
    await written;
  }

  /** Copies a record if it is needed; returns its size, and a promise for the write. */
  async #copyRecord(
    record: JournalRecord,
    segment: Segment,
    buffer: Buffer,
  ): Promise<readonly [bytes: number, written?: Promise<void>]> {
    if (record.type === "message") {
      const entry = this.#schedule.get(record.id);
      if (entry?.segment === segment.number && entry.bodyOffset === record.bodyOffset)
        return this.#copyMessage(entry, record, buffer);
    }
    if ((record.type !== "message" && record.type !== "key") || record.key === "") return [0];
    if (this.#keys.find(record.key, this.#options.now())?.id !== record.id) return [0];
    const copy = encodeKey(record.key, record.id, record.enqueuedMs);
    const written = this.#journal.append(copy, (target) => {
      target.keyMs = Math.max(target.keyMs, record.enqueuedMs);
    });
    return [copy.length, written];
  }

  async #copyMessage(
    entry: Entry,
    record: JournalRecord & { type: "message" },
    buffer: Buffer,
  ): Promise<readonly [bytes: number, written?: Promise<void>]> {
    for (;;) {
      // An outcome that is being written is in the journal before this copy, so the copy has to include it.
      while (entry.isSettling) await this.#journal.flush();
      const { notes } = entry;
      const noteBytes = await Promise.all((notes ?? []).map((note) => this.#readNote(note)));
      if (entry.isRemoved) return this.#copyRecord(record, { number: -1 } as Segment, buffer);
      if (entry.isSettling || entry.notes !== notes) continue;
      const { dueMs, untilMs, status, attempts } = entry;
      const { bodyOffset, bodyBytes } = record;
      const body = entry.hasBody ? buffer.subarray(bodyOffset, bodyOffset + bodyBytes) : undefined;
      const copy = encodeMessage({ ...record, dueMs, untilMs, status, attempts }, noteBytes, body);
      const written = this.#journal.append(copy.bytes, (target, offset) => {
        this.#options.relocate(entry, target, offset, copy);
        if (record.key) target.keyMs = Math.max(target.keyMs, record.enqueuedMs);
      });
      return [copy.bytes.length, written];
    }
  }

  #readNote({ segment, offset, bytes }: NonNullable<Entry["notes"]>[number]): Promise<Buffer> {
    return (this.#journal.segments.get(segment) as Segment).read(offset, bytes);
  }
}
