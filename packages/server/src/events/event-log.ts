import { randomBytes } from "node:crypto";
import type { CloudEvent, EventType } from "@faas/core";

/** Facts of a new event. */
export interface NewEvent {
  readonly type: EventType;
  /** Absent: it concerns the whole server, and only keys of the whole server see it. */
  readonly org?: string | undefined;
  readonly endpoint?: string;
  /** @defaultValue `org/endpoint`, or `org` */
  readonly subject?: string;
  readonly data?: object;
  /** Only admin keys see it. */
  readonly isForAdmins?: boolean;
}

/** Event that is kept for streams. */
export interface LoggedEvent extends Pick<NewEvent, "type" | "org" | "endpoint" | "isForAdmins"> {
  readonly sequence: number;
  /** Field block of a stream of server-sent events. */
  readonly block: string;
}

export interface EventLogOptions {
  /**
   * Number of events that are kept.
   *
   * @defaultValue 4,096
   */
  readonly maxEvents?: number;
  /**
   * Characters of all kept events.
   *
   * @defaultValue 2 Mi
   */
  readonly maxCharacters?: number;
  /** Returns milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: () => number;
}

/** Position from which a stream starts. */
export interface StartPosition {
  /** Sequence number of the first event. */
  readonly sequence: number;
  /** True if events after the requested one are no longer kept. */
  readonly isGap: boolean;
}

const ID = /^(\w+)-(\d{1,15})$/;
const EVENT_SOURCE = "/-/events";
/** Position of the oldest event that is kept. */
const OLDEST = "0";

/** Recent events in memory. Streams read them at their own speed; one that is too slow, or comes back too late, misses some and learns about it. */
export class EventLog implements Disposable {
  readonly #options: Required<EventLogOptions>;
  /** Part of all ids that is not repeated after a restart. */
  readonly #run = Date.now().toString(36) + randomBytes(3).toString("hex");
  #events: LoggedEvent[] = [];
  #characters = 0;
  #next = 1;
  #unkept = 0;
  #isClosed = false;
  readonly #listeners = new Set<() => void>();

  constructor({ maxEvents = 4_096, maxCharacters = 2 * 2 ** 20, now = Date.now }: EventLogOptions = {}) {
    this.#options = { maxEvents, maxCharacters, now };
  }

  /** No event will follow. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sequence number of the next event. */
  get next(): number {
    return this.#next;
  }

  /** Adds an event and calls the listeners. */
  append(event: NewEvent): void {
    if (this.#isClosed) return;
    const sequence = this.#next++;
    const { type, org, endpoint, isForAdmins } = event;
    const block = this.blockOf(event, sequence);
    this.#events.push({ type, sequence, block, ...{ org, endpoint, isForAdmins } } as LoggedEvent);
    this.#characters += block.length;
    const { maxEvents, maxCharacters } = this.#options;
    while (this.#events.length > maxEvents || (this.#characters > maxCharacters && this.#events.length > 1))
      this.#characters -= (this.#events.shift() as LoggedEvent).block.length;
    for (const listener of this.#listeners) listener();
  }

  /** Returns the event with a sequence number, or the oldest kept one after it. */
  from(sequence: number): LoggedEvent | undefined {
    return this.#events[Math.max(0, sequence - this.#oldest)];
  }

  /** Returns the position after an event. @param id of an event; "0": before all that are kept; absent: after all */
  positionAfter(id: string | undefined): StartPosition {
    if (id === undefined) return { sequence: this.#next, isGap: false };
    if (id === OLDEST) return { sequence: this.#oldest, isGap: false };
    const [, run, digits] = ID.exec(id) ?? [];
    const sequence = Number(digits) + 1;
    const isKept = run === this.#run && sequence >= this.#oldest && sequence <= this.#next;
    return isKept ? { sequence, isGap: false } : { sequence: this.#oldest, isGap: true };
  }

  /** True if events from a position on are no longer kept. */
  hasDropped(sequence: number): boolean {
    return sequence < this.#oldest;
  }

  /** Writes the block of an event that tells about missing ones; the stream continues after it from the oldest kept event. */
  gapBlock(): string {
    return this.blockOf({ type: "faas.events.gap", data: {} }, this.#oldest - 1);
  }

  /** Writes the block of an event. @param sequence absent: a stream cannot be resumed from it */
  blockOf(event: NewEvent, sequence?: number): string {
    const { type, org, endpoint, data = {} } = event;
    const subject = event.subject ?? (endpoint === undefined ? org : `${org}/${endpoint}`);
    const { now } = this.#options;
    const cloudEvent: CloudEvent = {
      specversion: "1.0",
      id: sequence === undefined ? `${this.#run}-u${++this.#unkept}` : `${this.#run}-${sequence}`,
      source: EVENT_SOURCE,
      type,
      time: new Date(now()).toISOString(),
      ...(subject === undefined ? {} : { subject }),
      datacontenttype: "application/json",
      data: data as CloudEvent["data"],
    };
    const id = sequence === undefined ? "" : `id: ${cloudEvent.id}\n`;
    return `${id}data: ${JSON.stringify(cloudEvent)}\n\n`;
  }

  /** Calls a listener after each new event, and when no event will follow. Returns a function that ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends all streams: another server has the events from now on. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const listener of this.#listeners) listener();
  }

  get #oldest(): number {
    return this.#next - this.#events.length;
  }
}
