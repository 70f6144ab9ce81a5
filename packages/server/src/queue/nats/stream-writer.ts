import { setTimeout as delay } from "node:timers/promises";
import { FaasError, type Logger } from "@faas/core";
import {
  headers as createHeaders,
  createInbox,
  type Msg,
  type MsgHdrs,
  type Subscription,
} from "@nats-io/transport-node";
import type { Connection } from "./connection.ts";
import { type Fields, HEADERS } from "./record-headers.ts";

const EXPECTED_SEQUENCE = "Nats-Expected-Last-Sequence";
/** Messages that are sent before the first is acknowledged. */
export const MAX_SENT = 500;
const MAX_SENT_BYTES = 8 * 2 ** 20;
const MAX_WAITING_BYTES = 64 * 2 ** 20;
/** Time without an acknowledgement after which the stream is asked for what it has. */
const ACK_TIMEOUT_MS = 5_000;
const WATCH_EVERY_MS = 250;
const RETRY_MS = 250;
const CLOSE_TIMEOUT_MS = 5_000;
/** Time for which a caller waits. */
export const WAIT_MS = 5_000;

/** Message for the stream. */
export interface StreamMessage {
  readonly subject: string;
  readonly fields: Fields;
  readonly payload: Uint8Array;
}

/** Called with the sequence of the last message of a write, when it is stored, in the order of the writes. */
export type OnStored = (sequence: number) => void;

/** Messages that follow each other in the stream. */
interface Write {
  readonly messages: readonly StreamMessage[];
  readonly onStored: OnStored | undefined;
  readonly resolve: () => void;
  readonly reject: (error: FaasError) => void;
  /** Time from which on it is not sent any more; Infinity: never. */
  readonly giveUpMs: number;
  /** Messages that are stored. */
  stored: number;
}

/** Message of a write, which waits or was sent. */
interface Item {
  readonly write: Write;
  readonly message: StreamMessage;
}

/**
 * Only writer of a stream. Each message names the sequence of the one before it, so that all are stored in order, or not at all; many are sent before the
 * first is acknowledged. A server that takes over begins with more messages than that, so that none of the sent ones has its expected place afterwards.
 * After a failure the stream is read to find out which messages it has.
 */
export class StreamWriter {
  readonly #connection: Connection;
  readonly #log: Logger | undefined;
  readonly #inbox = createInbox();
  readonly #subscription: Subscription;
  readonly #watch: NodeJS.Timeout;
  /** Messages that are not known to be stored: first those that were sent. */
  readonly #items: Item[] = [];
  #sent = 0;
  #sentBytes = 0;
  #waitingBytes = 0;
  /** Sequence of the last message that is known to be stored. */
  #sequence: number;
  /** Number in the address of acknowledgements, so that those from before a failure are ignored. */
  #generation = 0;
  #progressMs = 0;
  #recovering: Promise<void> | undefined;
  #isClosing = false;
  /** Error of all changes, forever. */
  #failure: FaasError | undefined;
  #problem = "no acknowledgement";

  /** `sequence` is that of the message with which this server began to write. */
  constructor(connection: Connection, sequence: number, log: Logger | undefined) {
    this.#connection = connection;
    this.#sequence = sequence;
    this.#log = log;
    this.#subscription = connection.client.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => (error ? this.interrupt(error.message) : this.#onAck(message)),
    });
    this.#watch = setInterval(() => this.#check(), WATCH_EVERY_MS);
    this.#watch.unref();
  }

  /**
   * Adds messages to the end of the stream. Takes as long as there is no connection.
   *
   * @param options.isDroppable do not store them later than a caller waits
   * @throws QUEUE_FAILED when they are not stored, and never will be
   */
  write(messages: readonly StreamMessage[], onStored?: OnStored, { isDroppable = false } = {}): Promise<void> {
    const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0);
    const failure = this.#failure ?? (isDroppable ? this.#refusal(bytes) : undefined);
    if (failure) return Promise.reject(failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUpMs = isDroppable ? Date.now() + WAIT_MS : Number.POSITIVE_INFINITY;
    const write = { messages, onStored, resolve, reject, giveUpMs, stored: 0 };
    for (const message of messages) this.#items.push({ write, message });
    this.#waitingBytes += bytes;
    this.#send();
    return promise;
  }

  /** Returns the error of a change that takes too long. */
  lateError(): FaasError {
    return this.#failure ?? failed(this.#problem);
  }

  /** Finds out what is stored, after a problem. */
  interrupt(problem: string): void {
    this.#problem = problem;
    if (this.#recovering || this.#failure) return;
    this.#generation++;
    this.#recovering = this.#recover().finally(() => {
      this.#recovering = undefined;
      this.#send();
    });
  }

  /** Waits for the writes so far for a limited time, and rejects the rest. */
  async close(): Promise<void> {
    const endMs = Date.now() + (this.#connection.isConnected ? CLOSE_TIMEOUT_MS : 0);
    while (this.#items.length > 0 && !this.#failure && Date.now() < endMs) await delay(2);
    this.#isClosing = true;
    clearInterval(this.#watch);
    this.#fail(new FaasError("QUEUE_FAILED", "The queue is closed"));
    this.#subscription.unsubscribe();
  }

  #refusal(bytes: number): FaasError | undefined {
    if (this.#waitingBytes + bytes <= MAX_WAITING_BYTES) return undefined;
    return failed(`${MAX_WAITING_BYTES / 2 ** 20} MiB wait for the NATS server already (${this.#problem})`);
  }

  #send(): void {
    if (this.#recovering) return;
    const { client } = this.#connection;
    while (this.#sent < this.#items.length && this.#sent < MAX_SENT && this.#sentBytes < MAX_SENT_BYTES) {
      const { subject, fields, payload } = (this.#items[this.#sent] as Item).message;
      const expected = this.#sequence + this.#sent;
      const headers = createHeaders();
      for (const [name, value] of Object.entries(fields)) headers.set(name, value);
      headers.set(EXPECTED_SEQUENCE, String(expected));
      if (this.#sent === 0) this.#progressMs = Date.now();
      this.#sent++;
      this.#sentBytes += payload.length;
      try {
        client.publish(subject, payload, { headers, reply: `${this.#inbox}.${this.#generation}-${expected + 1}` });
      } catch (error) {
        this.interrupt((error as Error).message);
        return;
      }
    }
  }

  #onAck(message: Msg): void {
    const address = message.subject.slice(this.#inbox.length + 1);
    if (this.#recovering || address.slice(0, address.indexOf("-")) !== String(this.#generation)) return;
    const problem = this.#problemOf(message);
    if (problem) this.interrupt(problem);
    else {
      this.#stored();
      this.#send();
    }
  }

  #problemOf(message: Msg): string | undefined {
    if (message.headers?.hasError) return "the stream does not respond";
    const { error, seq } = message.json<{ seq?: number; error?: { description: string } }>();
    if (error) return error.description;
    return seq === this.#sequence + 1 ? undefined : `message ${seq} was acknowledged before others`;
  }

  /** Completes the first message. */
  #stored(): void {
    const { write, message } = this.#items.shift() as Item;
    this.#sequence++;
    this.#progressMs = Date.now();
    if (this.#sent > 0) this.#sent--;
    this.#sentBytes -= message.payload.length;
    this.#waitingBytes -= message.payload.length;
    write.stored++;
    if (write.stored < write.messages.length) return;
    write.onStored?.(this.#sequence);
    write.resolve();
  }

  #check(): void {
    this.#dropLate(this.#sent);
    if (this.#sent > 0 && Date.now() - this.#progressMs > ACK_TIMEOUT_MS) this.interrupt("no acknowledgement");
  }

  /** Gives up writes that are late and of which nothing was sent: none of the first `sent` messages. */
  #dropLate(sent: number): void {
    const nowMs = Date.now();
    const begun = this.#items[sent - 1]?.write;
    let kept = sent;
    for (let index = sent; index < this.#items.length; index++) {
      const item = this.#items[index] as Item;
      const { write, message } = item;
      if (write.giveUpMs > nowMs || write === begun || write.stored > 0) this.#items[kept++] = item;
      else {
        this.#waitingBytes -= message.payload.length;
        write.reject(failed(this.#problem));
      }
    }
    this.#items.length = kept;
  }

  async #recover(): Promise<void> {
    // Once at a time: an error that comes back at once must not be a loop without a pause.
    await delay(RETRY_MS / 10);
    while (!this.#failure) {
      try {
        await this.#connection.connected;
        if (this.#failure) return;
        await this.#findStored();
        this.#sent = 0;
        this.#sentBytes = 0;
        this.#dropLate(0);
        return;
      } catch (error) {
        this.#problem = (error as Error).message;
        await delay(RETRY_MS);
      }
    }
  }

  /** Completes the messages that are in the stream. Those are the first of the ones that were sent, or another server writes to the stream. */
  async #findStored(): Promise<void> {
    const { manager, url } = this.#connection;
    const { state } = await manager.streams.info(url.stream);
    if (state.last_seq < this.#sequence)
      return this.#fail(failed(`the stream ends at ${state.last_seq}, but ${this.#sequence} was acknowledged`));
    while (this.#sequence < state.last_seq) {
      const found = await manager.streams.getMessage(url.stream, { seq: this.#sequence + 1 });
      const item = this.#sent > 0 ? this.#items[0] : undefined;
      if (!item || !(found ? isSame(item.message, found) : item.message.fields[HEADERS.ttl]))
        return this.#fail(failed("another server writes to the stream"));
      this.#stored();
    }
  }

  #fail(failure: FaasError): void {
    if (this.#failure) return;
    this.#failure = failure;
    if (!this.#isClosing) this.#log?.error({ err: failure }, "the queue stores no more changes: restart the server");
    for (const { write } of this.#items) write.reject(failure);
    this.#items.length = 0;
    this.#sent = 0;
  }
}

const isSame = (message: StreamMessage, found: { subject: string; header: MsgHdrs; data: Uint8Array }): boolean =>
  message.subject === found.subject &&
  Object.entries(message.fields).every(([name, value]) => found.header?.get(name) === value) &&
  Buffer.compare(message.payload, found.data) === 0;

const failed = (reason: string) =>
  new FaasError(
    "QUEUE_FAILED",
    `The change of the queue could not be stored: ${reason}. It may or may not be found later: repeat it, with the same Idempotency-Key`,
  );
