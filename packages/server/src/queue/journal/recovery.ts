import { mkdir, rm } from "node:fs/promises";
import { Entry } from "../schedule/entry.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { Ids } from "./ids.ts";
import type { OpenSegments } from "./journal.ts";
import type { KnownKeys } from "./known-keys.ts";
import { readSegment, recordsOf, type SegmentContents } from "./read-segment.ts";
import type { JournalRecord } from "./record-format.ts";
import { listSegments, type Segment, segmentFile } from "./segment.ts";

/** Parts of a queue that are filled from its journal. */
export interface Parts {
  readonly schedule: Schedule;
  readonly keys: KnownKeys;
  readonly ids: Ids;
  readonly nowMs: number;
}

/** Journal that was read. */
export interface RecoveredJournal extends OpenSegments {
  /** Largest sequence of a message so far. */
  readonly sequence: number;
}

/**
 * Reads the journal in a folder, which is created if it is missing. The header of the last segment says which others are in use and how long they
 * are. Only the end of the last one may be torn. Files that are not in use are removed; the others are not changed.
 *
 * @throws STATE_DAMAGED
 */
export async function recover(
  folder: string,
  parts: Parts,
  assertLockHeld: () => Promise<void>,
): Promise<RecoveredJournal> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await assertLockHeld();
  const numbers = await listSegments(folder);
  const last = numbers.at(-1);
  if (last === undefined) return { segments: [], number: 0, sequence: 0 };
  const segments: Segment[] = [];
  try {
    const final = await readSegment(folder, last);
    segments.push(final.segment);
    const replay = new Replay(parts, final);
    for (const [number, bytes] of usedBefore(final)) {
      const contents = await readSegment(folder, number, bytes);
      segments.splice(-1, 0, contents.segment);
      replay.read(contents);
    }
    replay.read(final);
    replay.finish(segments);
    await removeUnused(folder, numbers, segments, assertLockHeld);
    return { segments, number: last, sequence: replay.sequence };
  } catch (error) {
    for (const segment of segments) await segment.close();
    throw error;
  }
}

/** Returns number and length of the segments before the last that are in use. */
function usedBefore({ header, buffer, segment }: SegmentContents): readonly (readonly [number, number])[] {
  const removed = new Set<number>();
  for (const record of recordsOf(buffer, segment.file)) if (record.type === "segment") removed.add(record.number);
  return header.earlier.filter(([number]) => !removed.has(number));
}

async function removeUnused(
  folder: string,
  numbers: readonly number[],
  segments: readonly Segment[],
  assertLockHeld: () => Promise<void>,
): Promise<void> {
  const used = new Set(segments.map(({ number }) => number));
  for (const number of numbers) {
    if (used.has(number)) continue;
    await assertLockHeld();
    await rm(segmentFile(folder, number), { force: true });
  }
}

/** Applies the records of a journal one after another. */
class Replay {
  readonly #parts: Parts;
  readonly #entries = new Map<number, Entry>();
  /** Sequence up to which all messages of a topic are removed. */
  readonly #removedTopics = new Map<string, number>();
  sequence: number;

  constructor(parts: Parts, { header }: SegmentContents) {
    this.#parts = parts;
    this.sequence = header.sequence;
    parts.ids.continueAfter(header.lastId);
  }

  read({ segment, buffer }: SegmentContents): void {
    for (const record of recordsOf(buffer, segment.file)) this.#apply(record, segment);
  }

  /** Puts the messages that exist into the schedule. */
  finish(segments: readonly Segment[]): void {
    const { schedule, nowMs } = this.#parts;
    const byNumber = new Map(segments.map((segment) => [segment.number, segment]));
    const entries = [...this.#entries.values()].filter(
      ({ topic, sequence, status, untilMs }) =>
        sequence > (this.#removedTopics.get(topic.name) ?? 0) &&
        !((status === "done" || status === "dead") && untilMs <= nowMs),
    );
    this.#entries.clear();
    for (const { segment } of entries) (byNumber.get(segment) as Segment).messages++;
    schedule.restore(entries);
  }

  #apply(record: JournalRecord, segment: Segment): void {
    switch (record.type) {
      case "message":
        this.#message(record, segment);
        break;
      case "state": {
        const entry = this.#entries.get(record.sequence);
        if (!entry) return;
        const { status, dueMs, untilMs, attempts, note } = record;
        Object.assign(entry, { status, dueMs, untilMs, attempts });
        if (note) entry.notes = [...(entry.notes ?? []), { segment: segment.number, ...note }];
        break;
      }
      case "removed":
        this.#entries.delete(record.sequence);
        break;
      case "topic":
        this.#removedTopics.set(record.topic, record.sequence);
        break;
      case "key":
        this.#key(record.key, record.id, record.enqueuedMs, segment);
        break;
      case "segment":
        break;
    }
  }

  #message(record: JournalRecord & { type: "message" }, segment: Segment): void {
    const { sequence, id, orderKey, key, enqueuedMs, notes, bodyOffset } = record;
    const topic = this.#parts.schedule.topic(record.topic);
    const line = orderKey === undefined ? undefined : topic.line(orderKey);
    this.#entries.set(
      sequence,
      new Entry({ ...record, topic, line }, record, {
        segment: segment.number,
        bodyOffset,
        notes: notes?.map((note) => ({ segment: segment.number, ...note })),
      }),
    );
    this.sequence = Math.max(this.sequence, sequence);
    this.#parts.ids.continueAfter(id);
    if (key) this.#key(key, id, enqueuedMs, segment);
  }

  #key(key: string, id: string, enqueuedMs: number, segment: Segment): void {
    segment.keyMs = Math.max(segment.keyMs, enqueuedMs);
    this.#parts.keys.restore(key, id, enqueuedMs, this.#parts.nowMs);
  }
}
