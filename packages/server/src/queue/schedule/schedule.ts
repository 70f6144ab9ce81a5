import type { ListFilter, MessageState, Totals } from "../queue.ts";
import { Counts } from "./counts.ts";
import { DueHeap } from "./due-heap.ts";
import { type Entry, type EntryState, Group, Topic } from "./entry.ts";
import { listMessages } from "./list-messages.ts";
import { Listeners } from "./listeners.ts";

/** Entries that become due in one go: others wait for the next turn of the event loop. */
const MAX_WOKEN = 10_000;

/** Limits of the messages of a group that are done. */
export interface DoneLimits {
  readonly maxDone: number;
  /** Limit of the bytes that they need in the storage. */
  readonly maxDoneBytes: number;
}

/** All messages in memory: their states, their order and their times. Knows nothing about files. */
export class Schedule {
  readonly #now: () => number;
  readonly #onRemoved: (entry: Entry, isExpired: boolean) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #topics = new Map<string, Topic>();
  readonly #groups = new Map<string, Group>();
  readonly #heap: DueHeap;
  readonly listeners = new Listeners();
  /** Bytes that all messages need in the journal. */
  liveBytes = 0;
  // Leases of another process are never mistaken for those of this one.
  #token = Date.now() * 2 ** 10;

  /** `onRemoved` is called when a message no longer exists; with `isExpired` if its time had come. */
  constructor(now: () => number, onRemoved: (entry: Entry, isExpired: boolean) => void) {
    this.#now = now;
    this.#onRemoved = onRemoved;
    this.#heap = new DueHeap(now, () => this.wake());
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Returns the topic with this name, which is created if needed. */
  topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (topic) return topic;
    const slash = name.indexOf("/");
    const groupName = slash < 0 ? name : name.slice(0, slash);
    let group = this.#groups.get(groupName);
    if (!group) {
      group = new Group(groupName);
      this.#groups.set(groupName, group);
    }
    group.topics++;
    topic = new Topic(name, group);
    this.#topics.set(name, topic);
    return topic;
  }

  /** Removes a topic without messages. */
  forgetIfEmpty(topic: Topic): void {
    if (topic.pending > 0 || topic.counts.all > 0 || this.#topics.get(topic.name) !== topic) return;
    this.#topics.delete(topic.name);
    topic.group.topics--;
    if (topic.group.topics === 0) this.#groups.delete(topic.group.name);
  }

  /** Adds a message. Its sequence is larger than that of all others. */
  add(entry: Entry): void {
    this.#register(entry);
    this.#place(entry);
    this.listeners.changed(entry);
  }

  /** Adds all messages of a journal. Those that were leased are waiting: the leases ended with the process that had them. */
  restore(entries: Entry[]): void {
    entries.sort((a, b) => a.sequence - b.sequence);
    for (const entry of entries) {
      if (entry.status === "leased") entry.status = "waiting";
      this.#register(entry);
    }
    for (const entry of entries.sort((a, b) => a.dueMs - b.dueMs || a.sequence - b.sequence)) this.#place(entry);
    for (const topic of this.#topics.values()) {
      for (const line of topic.lines.values()) if (!line.messages.first) topic.lines.delete(line.key);
      this.forgetIfEmpty(topic);
    }
  }

  /** Leases up to `count` messages that are ready. */
  lease(name: string, count: number, leaseMs: number): Entry[] {
    this.wake();
    const topic = this.#topics.get(name);
    const leased: Entry[] = [];
    if (!topic) return leased;
    topic.isAnnounced = false;
    while (leased.length < count) {
      const entry = topic.ready.first;
      if (!entry) break;
      this.#unplace(entry);
      this.change(entry, { status: "leased", untilMs: this.#now() + leaseMs, attempts: entry.attempts + 1 });
      entry.token = ++this.#token;
      leased.push(entry);
    }
    return leased;
  }

  /** Returns the message of a lease that has not ended. */
  leased(id: string, token: number): Entry | undefined {
    this.wake();
    const entry = this.#entries.get(id);
    return entry?.status === "leased" && entry.token === token && token > 0 ? entry : undefined;
  }

  /** Moves the end of a lease. */
  extend(entry: Entry, untilMs: number): void {
    this.#unplace(entry);
    entry.untilMs = untilMs;
    this.#place(entry);
  }

  /** Changes the state of a message, and its place accordingly. */
  change(entry: Entry, state: Partial<EntryState>): void {
    this.#unplace(entry);
    this.#count(entry, -1);
    const wasInLine = isInLine(entry);
    if (state.status !== undefined && state.status !== "leased") entry.token = 0;
    Object.assign(entry, state);
    this.#count(entry, 1);
    if (entry.line && wasInLine !== isInLine(entry)) {
      if (wasInLine) this.#leaveLine(entry);
      else this.#enterLine(entry);
    }
    this.#place(entry);
    this.listeners.changed(entry);
  }

  /** Stops the time of a lease while its outcome is written. */
  beginSettling(entry: Entry): void {
    entry.token = 0;
    entry.isSettling = true;
    this.#unplace(entry);
  }

  /** Continues the lease, because its outcome could not be written. */
  abortSettling(entry: Entry, token: number): void {
    entry.isSettling = false;
    if (entry.isRemoved || entry.status !== "leased") return;
    entry.token = token;
    this.#place(entry);
  }

  /** Runs a change of a message's size in the journal. */
  resize(entry: Entry, change: () => void): void {
    this.liveBytes -= liveBytesOf(entry);
    change();
    this.liveBytes += liveBytesOf(entry);
  }

  remove(entry: Entry, isExpired = false): void {
    if (entry.isRemoved) return;
    this.#unplace(entry);
    this.#count(entry, -1);
    entry.isRemoved = true;
    entry.token = 0;
    this.#entries.delete(entry.id);
    const { topic } = entry;
    topic.messages.remove(entry);
    topic.group.messages.remove(entry);
    if (isInLine(entry)) this.#leaveLine(entry);
    this.forgetIfEmpty(topic);
    this.#onRemoved(entry, isExpired);
    this.listeners.changed(entry);
  }

  /** Removes all messages of a topic. Returns false if there are none. */
  removeTopic(name: string, upToSequence: number): boolean {
    const topic = this.#topics.get(name);
    if (!topic) return false;
    topic.droppedUpTo = upToSequence;
    for (let entry = topic.messages.last; entry; entry = topic.messages.last) this.remove(entry);
    return true;
  }

  /** Removes the messages of a group that have been done for longest, until the rest is within the limits; returns them. */
  removeDone(group: Group, { maxDone, maxDoneBytes }: DoneLimits): readonly Entry[] {
    const removed: Entry[] = [];
    while (group.done.first && (group.counts.done > maxDone || group.doneBytes > maxDoneBytes)) {
      removed.push(group.done.first);
      this.remove(group.done.first);
    }
    return removed;
  }

  /** Returns the names of the topics of a group. */
  topicsOf(group: string): string[] {
    return [...this.#topics.keys()].filter((name) => name.startsWith(`${group}/`));
  }

  list(filter: ListFilter): readonly MessageState[] {
    this.wake();
    const before = filter.before === undefined ? undefined : this.#entries.get(filter.before);
    const of = filter.topic === undefined ? this.#groups.get(filter.group) : this.#topics.get(filter.topic);
    if (!of || (of instanceof Topic && of.group.name !== filter.group)) return [];
    return listMessages(of.messages, of.counts, filter, before);
  }

  topicTotals(name: string): Totals {
    return (this.#topics.get(name)?.counts ?? new Counts()).copy();
  }

  groupTotals(name: string): Totals {
    return (this.#groups.get(name)?.counts ?? new Counts()).copy();
  }

  *openTopics(): Generator<string, void, void> {
    for (const { name, counts } of this.#topics.values()) if (counts.open > 0) yield name;
  }

  /** Handles all entries whose time has come. */
  wake(): void {
    for (let woken = 0; woken < MAX_WOKEN; woken++) {
      const entry = this.#heap.takeDue();
      if (!entry) return;
      if (entry.status === "waiting") this.#place(entry);
      else if (entry.status === "leased") this.change(entry, { status: "waiting", dueMs: entry.untilMs });
      else this.remove(entry, true);
    }
  }

  /** Calls the listeners with all topics that have a message to lease. */
  announceReady(): void {
    for (const topic of this.#topics.values()) if (topic.ready.first) this.listeners.ready(topic);
  }

  stop(): void {
    this.#heap.stop();
  }

  #register(entry: Entry): void {
    const { topic } = entry;
    this.#entries.set(entry.id, entry);
    topic.messages.append(entry);
    topic.group.messages.append(entry);
    if (isInLine(entry)) entry.line?.add(entry);
    this.#count(entry, 1);
  }

  #count(entry: Entry, sign: 1 | -1): void {
    entry.topic.counts.count(entry.status, entry.bodyBytes, sign);
    entry.topic.group.counts.count(entry.status, entry.bodyBytes, sign);
    this.liveBytes += sign * liveBytesOf(entry);
  }

  /** Puts an entry into the list of messages that are ready, or into the heap; into neither while an earlier one of its order key is there. */
  #place(entry: Entry): void {
    if (entry.status === "done") {
      const { group } = entry.topic;
      group.done.append(entry);
      group.doneBytes += liveBytesOf(entry);
    }
    if (entry.status !== "waiting") this.#heap.add(entry);
    else if (entry.line && entry.line.messages.first !== entry) return;
    else if (entry.dueMs > this.#now()) this.#heap.add(entry);
    else {
      entry.isReady = true;
      entry.topic.ready.append(entry);
      this.listeners.ready(entry.topic);
    }
  }

  #unplace(entry: Entry): void {
    if (entry.status === "done") {
      const { group } = entry.topic;
      group.done.remove(entry);
      group.doneBytes -= liveBytesOf(entry);
    }
    if (entry.isReady) entry.topic.ready.remove(entry);
    entry.isReady = false;
    this.#heap.remove(entry);
  }

  #enterLine(entry: Entry): void {
    if (!entry.line) return;
    // The line it was in may have been removed when it was empty.
    entry.line = entry.topic.line(entry.line.key);
    const { first } = entry.line.messages;
    entry.line.add(entry);
    if (first && entry.line.messages.first !== first) this.#unplace(first);
  }

  #leaveLine(entry: Entry): void {
    const { line, topic } = entry;
    if (!line) return;
    const wasFirst = line.messages.first === entry;
    line.messages.remove(entry);
    const { first } = line.messages;
    if (!first) topic.lines.delete(line.key);
    else if (wasFirst) this.#place(first);
  }
}

const isInLine = ({ line, status }: Entry) => line !== undefined && (status === "waiting" || status === "leased");

const liveBytesOf = (entry: Entry) => entry.headBytes + entry.noteBytes + (entry.hasBody ? entry.bodyBytes : 0);
