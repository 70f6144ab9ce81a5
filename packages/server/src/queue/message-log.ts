import type { FaasError } from "@faas/core";
import { Ids } from "./journal/ids.ts";
import { KnownKeys } from "./journal/known-keys.ts";
import type { MessageRecord } from "./journal/record-format.ts";
import type { Entry, EntryState, Location, NoteLocation } from "./schedule/entry.ts";
import { type DoneLimits, Schedule } from "./schedule/schedule.ts";

const HOUR_MS = 3_600_000;

/**
 * Storage of a durable queue: keeps messages, their states and their notes. A record is found after a restart in the order of the calls. All promises
 * resolve when the change is stored, and reject with QUEUE_FAILED.
 */
export interface MessageLog extends AsyncDisposable {
  /** Limit of the time for which callers wait, except for outcomes. A change that takes longer is reported as failed, and may be stored later. */
  readonly patience?: { readonly ms: number; error(): FaasError };
  /** False while bodies cannot be read: then nothing is leased. */
  readonly isReadable: boolean;
  /** Stores a message. Calls `onStored` with its place before the promise resolves; it returns false if the message was dropped meanwhile. */
  addMessage(message: MessageRecord, body: Uint8Array, onStored: (place: MessagePlace) => boolean): Promise<void>;
  /** Stores the present state of a message, after a replay. */
  saveState(entry: Entry): Promise<void>;
  /** Stores the present states of messages of a topic, after their leases. */
  saveLeases(entries: readonly Entry[]): Promise<void>;
  /** Stores the state of a message after an outcome. Calls `onStored` with all its notes before the promise resolves. */
  saveOutcome(
    entry: Entry,
    state: EntryState,
    note: Uint8Array | undefined,
    onStored: (notes: Entry["notes"]) => void,
  ): Promise<void>;
  /** Removes a message that was removed from the schedule. */
  remove(entry: Entry): Promise<void>;
  /** Removes all messages of a topic up to a sequence. */
  removeTopic(topic: string, upToSequence: number): Promise<void>;
  /** Reads the bodies of messages. All reads begin before this returns. Resolves to a body or an error for each entry. */
  readBodies(entries: readonly Entry[]): Promise<Map<Entry, Buffer | Error>>;
  readNotes(notes: readonly NoteLocation[]): Promise<Buffer[]>;
}

/** Error of a body that does not match its checksum: reading it again does not help. */
export class DamagedBodyError extends Error {}

/** Place of a message that was stored. */
export interface MessagePlace extends Location {
  /** Bytes of the record without the body. */
  readonly headBytes: number;
}

export interface QueueMemoryOptions {
  /** Returns milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: () => number;
  /** Time for which an idempotency key is known. @defaultValue 24 hours */
  readonly idempotencyWindowMs?: number;
  /** Limit of the messages of a group that are done. @defaultValue 100,000 */
  readonly maxDone?: number;
  /** Limit of the bytes that these need in the storage. @defaultValue 1 GiB */
  readonly maxDoneBytes?: number;
}

/** Everything about a queue that is in memory. A storage fills it when it is opened. */
export class QueueMemory {
  readonly now: () => number;
  readonly schedule: Schedule;
  readonly keys: KnownKeys;
  readonly ids = new Ids();
  readonly limits: DoneLimits;
  /** Largest sequence of a message so far. */
  sequence = 0;
  /** Called when a message no longer exists, because its time had come or another change removed it. */
  onRemoved: (entry: Entry, isExpired: boolean) => void = () => {};

  constructor(options: QueueMemoryOptions = {}) {
    const {
      now = () => Date.now(),
      idempotencyWindowMs = 24 * HOUR_MS,
      maxDone = 100_000,
      maxDoneBytes = 2 ** 30,
    } = options;
    this.now = now;
    this.limits = { maxDone, maxDoneBytes };
    this.schedule = new Schedule(now, (entry, isExpired) => this.onRemoved(entry, isExpired));
    this.keys = new KnownKeys(idempotencyWindowMs);
  }
}
