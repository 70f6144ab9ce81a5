import type { MessageState } from "../queue.ts";
import { Counts } from "./counts.ts";
import { EntryList } from "./entry-list.ts";

/** Place of a note in the storage. */
export interface NoteLocation {
  /** Number of the journal's segment, or of the stream's record. */
  readonly segment: number;
  /** Offset in the segment; in a stream, the number of records before that one which hold the note's beginning. */
  readonly offset: number;
  readonly bytes: number;
}

/** Place of a message's record in the storage. */
export interface Location {
  /** Number of the journal's segment, or of the stream's record. */
  readonly segment: number;
  /** Offset of the body in the segment; in a stream, the number of records before that one which hold the body's beginning. */
  readonly bodyOffset: number;
  /** Notes inside the record. */
  readonly notes: readonly NoteLocation[] | undefined;
}

/** Fields of a message that never change. */
export interface EntryFields {
  readonly id: string;
  readonly topic: Topic;
  readonly line: Line | undefined;
  /** Position among all messages in the order of `enqueue`. */
  readonly sequence: number;
  readonly enqueuedMs: number;
  readonly bodyBytes: number;
  readonly bodyChecksum: number;
  /** Bytes of the message's record without body and notes. */
  readonly headBytes: number;
}

/** Fields that an outcome changes. */
export interface EntryState {
  readonly status: MessageState["status"];
  readonly dueMs: number;
  /** End of a lease, or time at which a message that is done or dead is removed. */
  readonly untilMs: number;
  readonly attempts: number;
}

/** Message as it is in memory: everything but its body and notes. There are millions, so all lists link entries to each other. */
export class Entry implements EntryFields, EntryState {
  readonly id: string;
  readonly topic: Topic;
  line: Line | undefined;
  readonly sequence: number;
  readonly enqueuedMs: number;
  readonly bodyBytes: number;
  readonly bodyChecksum: number;
  readonly headBytes: number;
  status: MessageState["status"];
  dueMs: number;
  untilMs: number;
  attempts: number;
  segment: number;
  bodyOffset: number;
  notes: readonly NoteLocation[] | undefined;
  /** Token of the lease; 0 without one, and while its outcome is written. */
  token = 0;
  /** True while an outcome is written. */
  isSettling = false;
  isRemoved = false;
  /** Index in the heap; -1 outside of it. */
  heapIndex = -1;
  isReady = false;
  groupPrevious: Entry | undefined = undefined;
  groupNext: Entry | undefined = undefined;
  topicPrevious: Entry | undefined = undefined;
  topicNext: Entry | undefined = undefined;
  readyPrevious: Entry | undefined = undefined;
  readyNext: Entry | undefined = undefined;
  linePrevious: Entry | undefined = undefined;
  lineNext: Entry | undefined = undefined;

  constructor(fields: EntryFields, state: EntryState, location: Location) {
    this.id = fields.id;
    this.topic = fields.topic;
    this.line = fields.line;
    this.sequence = fields.sequence;
    this.enqueuedMs = fields.enqueuedMs;
    this.bodyBytes = fields.bodyBytes;
    this.bodyChecksum = fields.bodyChecksum;
    this.headBytes = fields.headBytes;
    this.status = state.status;
    this.dueMs = state.dueMs;
    this.untilMs = state.untilMs;
    this.attempts = state.attempts;
    this.segment = location.segment;
    this.bodyOffset = location.bodyOffset;
    this.notes = location.notes;
  }

  /** Time at which the timer has to look at this entry. */
  get wakeMs(): number {
    return this.status === "waiting" ? this.dueMs : this.untilMs;
  }

  /** True when the body is still needed. */
  get hasBody(): boolean {
    return this.status !== "done";
  }

  get noteBytes(): number {
    return this.notes?.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
  }
}

/** Returns the state that callers see. */
export function stateOf(entry: Entry): MessageState {
  const { id, status, enqueuedMs, dueMs, attempts, bodyBytes, untilMs } = entry;
  return {
    id,
    topic: entry.topic.name,
    status,
    enqueuedMs,
    dueMs,
    attempts,
    bodyBytes,
    ...(status === "done" || status === "dead" ? { keepUntilMs: untilMs } : {}),
  };
}

/** Topics with the same part before the first slash. */
export class Group {
  readonly name: string;
  readonly counts = new Counts();
  /** All messages in the order of `enqueue`. */
  readonly messages = new EntryList<Entry>("group");
  /** Messages that are done, in the order in which they ended. They are never in the list of those that are ready. */
  readonly done = new EntryList<Entry>("ready");
  /** Bytes that they need in the storage. */
  doneBytes = 0;
  /** Number of its topics. */
  topics = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** Messages that are delivered together. */
export class Topic {
  readonly name: string;
  readonly group: Group;
  readonly counts = new Counts();
  /** All messages in the order of `enqueue`. */
  readonly messages = new EntryList<Entry>("topic");
  /** Messages that can be leased, in the order in which they became due. */
  readonly ready = new EntryList<Entry>("ready");
  readonly lines = new Map<string, Line>();
  /** True from a call of the listeners until the next lease. */
  isAnnounced = false;
  /** Messages that are being written. */
  pending = 0;
  /** Messages that are being written, up to this sequence, were dropped meanwhile. */
  droppedUpTo = 0;

  constructor(name: string, group: Group) {
    this.name = name;
    this.group = group;
  }

  line(orderKey: string): Line {
    let line = this.lines.get(orderKey);
    if (!line) {
      line = new Line(orderKey);
      this.lines.set(orderKey, line);
    }
    return line;
  }
}

/** Messages of a topic with an order key that are waiting or leased, in the order of `enqueue`. Only the first may be leased. */
export class Line {
  readonly key: string;
  readonly messages = new EntryList<Entry>("line");

  constructor(key: string) {
    this.key = key;
  }

  /** Adds a message at its position; not before one that is leased. */
  add(entry: Entry): void {
    let previous = this.messages.last;
    while (previous && previous.sequence > entry.sequence && previous.status !== "leased")
      previous = this.messages.previous(previous);
    this.messages.insertAfter(previous, entry);
  }
}
