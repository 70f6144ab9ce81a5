/**
 * Contract of the durable queue. Two implementations: a journal in the data folder, and NATS JetStream. Messages are delivered at least once: a
 * message whose lease ends without an outcome is leased again. Leases end with the process that has them.
 */
export interface Queue extends AsyncDisposable {
  /**
   * Adds a message; it is on disk when the promise resolves. A message with the idempotency key of an earlier one of its topic, within the
   * window, is not added: the receipt names the earlier one. Nor is one whose `id` exists.
   *
   * @throws QUEUE_FAILED when it could not be stored; then it may or may not be delivered
   */
  enqueue(message: NewMessage): Promise<Receipt>;
  /**
   * Leases messages of a topic that are due, in the order in which they became due; those of an order key one at a time, in the order in which they
   * were added. Each counts as an attempt. Returns fewer, or none, if there are not more.
   *
   * @param count largest number of messages
   * @param leaseMs time until others may lease them
   */
  lease(topic: string, count: number, leaseMs: number): Promise<readonly Lease[]>;
  /** Extends a lease to end after `leaseMs` from now. Resolves to false if it has ended. */
  extend(lease: Lease, leaseMs: number): Promise<boolean>;
  /**
   * Ends a lease with an outcome, which is on disk when the promise resolves. Resolves to false, and changes nothing, if the lease has ended.
   *
   * @throws QUEUE_FAILED
   */
  settle(lease: Lease, outcome: Outcome): Promise<boolean>;
  /** Delivers a dead or waiting message now, with all its attempts again. Resolves to false if there is none with this id. */
  replay(id: string): Promise<boolean>;
  /** Removes a message, whatever its state; a lease of it ends. Resolves to false if there is none with this id. */
  drop(id: string): Promise<boolean>;
  /** Removes all messages of a topic. */
  dropTopic(topic: string): Promise<void>;
  /** Removes all messages of all topics of a group. */
  dropGroup(group: string): Promise<void>;
  /** Returns the state of a message; undefined if there is none with this id. */
  find(id: string): MessageState | undefined;
  /** Reads a message with its body and notes; undefined if there is none with this id. */
  read(id: string): Promise<StoredMessage | undefined>;
  /** Returns states of messages, the newest first. */
  list(filter: ListFilter): readonly MessageState[];
  /** Returns the number of messages and bytes of a topic. Costs the same at any number. */
  topicTotals(topic: string): Totals;
  /** Returns the number of messages and bytes of all topics of a group. Costs the same at any number. */
  groupTotals(group: string): Totals;
  /** Returns the topics that have a message that is not `done`. */
  topics(): Iterable<string>;
  /**
   * Calls a listener with a topic whenever a message of it can be leased that could not before: one was added, became due, or its lease ended. Called
   * at most once until the next `lease` of the topic. Not called for messages that could be leased before the listener was added: see `topics`.
   *
   * @returns a function that stops it
   */
  onReady(listener: (topic: string) => void): () => void;
  /** Calls a listener when the state of a message has changed. Returns a function that stops it. */
  onChange(id: string, listener: (state: MessageState | undefined) => void): () => void;
}

/** A message to be added. */
export interface NewMessage {
  /** `group/name`, for example an organization and an endpoint. The group is the part before the first slash. */
  readonly topic: string;
  readonly body: Uint8Array;
  /** @defaultValue a new id: 26 characters that sort by time (ULID) */
  readonly id?: string;
  /** Messages of a topic with this key are delivered one at a time, in order. */
  readonly orderKey?: string;
  /** Time of the first delivery, in milliseconds since the epoch. @defaultValue now */
  readonly dueMs?: number;
  /** At most 255 characters. */
  readonly idempotencyKey?: string;
}

/** Result of adding a message. */
export interface Receipt {
  readonly id: string;
  /** An earlier message has the idempotency key: this is its id. */
  readonly isDuplicate: boolean;
}

/** Right to process a message for some time. */
export interface Lease {
  readonly id: string;
  readonly topic: string;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  readonly enqueuedMs: number;
  readonly body: Buffer;
  /** Differs for each lease of a message. */
  readonly token: number;
  /** True if the storage has changed the body, which is then empty: the message cannot be processed any longer. */
  readonly isDamaged?: true;
}

/**
 * Result of an attempt. Its note is kept with the message.
 * - `done`: state, note and no body are kept for `keepMs`; shorter, the oldest first, when a group has too many of them
 * - `retry`: the message waits until `dueMs`; with `isUncounted` the attempt does not count
 * - `dead`: it is kept for `keepMs`, and can be replayed
 */
export type Outcome =
  | { readonly type: "done"; readonly note: Uint8Array; readonly keepMs: number }
  | { readonly type: "retry"; readonly note?: Uint8Array; readonly dueMs: number; readonly isUncounted?: boolean }
  | { readonly type: "dead"; readonly note: Uint8Array; readonly keepMs: number };

/** State of a message, without what is on disk. */
export interface MessageState {
  readonly id: string;
  readonly topic: string;
  /** `waiting`: until it is due, or for a lease. */
  readonly status: "waiting" | "leased" | "done" | "dead";
  /** Milliseconds since the epoch. */
  readonly enqueuedMs: number;
  /** Time of the next delivery of a waiting message, in milliseconds since the epoch. */
  readonly dueMs: number;
  /** Attempts that have begun and count. */
  readonly attempts: number;
  readonly bodyBytes: number;
  /** Time at which a message that is done or dead is removed, in milliseconds since the epoch. */
  readonly keepUntilMs?: number;
}

/** A message as it is stored. */
export interface StoredMessage extends MessageState {
  /** Absent when it is done, or damaged. */
  readonly body?: Buffer;
  /** Notes of its outcomes, the oldest first; also those before a replay. */
  readonly notes: readonly Buffer[];
}

/** Choice of messages. */
export interface ListFilter {
  readonly group: string;
  readonly topic?: string;
  readonly status?: readonly MessageState["status"][];
  /** Only messages that were added before the one with this id. */
  readonly before?: string;
  readonly limit: number;
}

/** Numbers of messages and bytes. */
export interface Totals {
  /** Waiting, including those that are not due. */
  readonly waiting: number;
  readonly leased: number;
  readonly done: number;
  readonly dead: number;
  /** Bytes of the bodies of messages that are waiting, leased or dead. */
  readonly bodyBytes: number;
}
