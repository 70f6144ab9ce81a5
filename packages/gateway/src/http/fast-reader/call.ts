import type { Socket } from "node:net";
import { copyOf } from "../call/buffer-pool.ts";
import type { Caller } from "../call/caller.ts";
import { type BodyConsumer, type ClientCall, type ClientListener, LEFTOVER_MS } from "../call/client-call.ts";
import type { HeaderBlock } from "../call/header-block.ts";
import type { KnownHeaders, RequestHead } from "./request-head.ts";
import { dateLine, statusLine } from "./response-head.ts";

/** Connection of a call. */
export interface CallConnection {
  readonly socket: Socket;
  readonly caller: Caller;
  /** Header lines of a response after which the connection is kept. */
  readonly keepAliveLines: string;
  /** The server is about to stop: connections are not kept. */
  readonly isDraining: boolean;
  /** Called when the response is complete, and the request's body has been read. */
  callEnded(call: FastCall): void;
}

/** Largest piece of a body that is written as text together with what surrounds it: one string, one system call. */
const TEXT_BYTES = 16 * 1024;
/** Bytes that may wait to be written before the replica is paused. */
const MAX_WAITING_BYTES = 64 * 1024;

/** A call that the fast reader parsed. */
export class FastCall implements ClientCall {
  listener: ClientListener | undefined;
  headSent = false;
  /** The connection is kept after the response. */
  keepAlive: boolean;
  readonly #connection: CallConnection;
  readonly #head: RequestHead;
  /** Bytes of the request's body that have not arrived. */
  #missing: number;
  /** Bytes of the body that arrived, but that the consumer has not received. */
  #waiting: Buffer[] = [];
  #consumer: BodyConsumer | undefined;
  #bodyPaused = true;
  /** Head of the response, until it is written. */
  #responseHead = "";
  #hasBody = true;
  #chunked = false;
  #ended = false;
  #leftoverTimer: NodeJS.Timeout | undefined;

  constructor(connection: CallConnection, head: RequestHead) {
    this.#connection = connection;
    this.#head = head;
    this.#missing = head.bodyLength;
    this.keepAlive = head.keepAlive;
  }

  get method(): string {
    return this.#head.method;
  }

  get url(): string {
    return this.#head.target;
  }

  get caller(): Caller {
    return this.#connection.caller;
  }

  get bodyLength(): number {
    return this.#head.bodyLength;
  }

  get closed(): boolean {
    return this.#connection.socket.destroyed;
  }

  /** True while more of the body has to arrive. */
  get readsBody(): boolean {
    return this.#missing > 0;
  }

  /** True while the client alone delays the call: the rest of the body is awaited, and there is no response yet. */
  get owesBody(): boolean {
    return this.#missing > 0 && !this.#bodyPaused && this.#waiting.length === 0 && !this.headSent;
  }

  get headers(): KnownHeaders {
    return this.#head.fields.known;
  }

  endToEndLines(): string {
    return this.#head.fields.endToEndLines;
  }

  readBody(consumer: BodyConsumer): void {
    this.#consumer = consumer;
    this.resumeBody();
  }

  resumeBody(): void {
    this.#bodyPaused = false;
    if (this.#connection.socket.isPaused()) this.#connection.socket.resume();
    while (this.#waiting.length > 0 && !this.#bodyPaused) this.#give(this.#waiting.shift() as Buffer);
    if (this.#missing === 0 && this.#waiting.length === 0) this.#endBody();
  }

  stopBody(): void {
    this.#consumer = undefined;
  }

  /** Takes bytes from the connection. Returns those beyond the body. */
  receive(bytes: Buffer): Buffer | undefined {
    const own = bytes.length <= this.#missing ? bytes : bytes.subarray(0, this.#missing);
    this.#missing -= own.length;
    if (this.#ended) {
      if (this.#missing === 0) this.#over();
    } else if (this.#bodyPaused || this.#waiting.length > 0) {
      this.#waiting.push(Buffer.from(own));
      if (this.#missing > 0) this.#connection.socket.pause();
    } else {
      this.#give(own);
      if (this.#missing === 0 && !this.#bodyPaused) this.#endBody();
    }
    return own === bytes ? undefined : bytes.subarray(own.length);
  }

  #give(bytes: Buffer): void {
    if (this.#consumer === undefined || this.#consumer.data(bytes)) return;
    this.#bodyPaused = true;
    if (this.#missing > 0) this.#connection.socket.pause();
  }

  #endBody(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    consumer?.end();
  }

  writeHead(status: number, headers: HeaderBlock, own: string, flush: boolean): void {
    let head = statusLine(status) + headers.lines() + own;
    this.#hasBody = this.method !== "HEAD" && status !== 204 && status !== 304;
    this.#chunked = this.#hasBody && !headers.isSized;
    this.headSent = true;
    if (this.#connection.isDraining) this.keepAlive = false;
    if (!headers.isDated) head += dateLine();
    head += this.keepAlive ? this.#connection.keepAliveLines : "Connection: close\r\n";
    head += this.#chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
    if (flush) this.#connection.socket.write(head, "latin1");
    else this.#responseHead = head;
  }

  write(bytes: Buffer): boolean {
    if (!this.#hasBody || bytes.length === 0) return true;
    const { socket } = this.#connection;
    const head = this.#takeHead();
    if (bytes.length <= TEXT_BYTES) socket.write(head + this.#piece(bytes.toString("latin1")), "latin1");
    else {
      const { copy, done } = copyOf(bytes);
      socket.cork();
      const before = this.#chunked ? `${head}${bytes.length.toString(16)}\r\n` : head;
      if (before !== "") socket.write(before, "latin1");
      socket.write(copy, done);
      if (this.#chunked) socket.write("\r\n", "latin1");
      socket.uncork();
    }
    return socket.writableLength < MAX_WAITING_BYTES;
  }

  end(_sized: boolean, last: string | Buffer | undefined): void {
    this.#ended = true;
    if (typeof last === "object" && last.length > TEXT_BYTES) {
      this.write(last);
      this.#finish("");
    } else this.#finish(typeof last === "object" ? last.toString("latin1") : (last ?? ""));
  }

  destroy(): void {
    this.#connection.socket.destroy();
  }

  /** Called when the connection is closed. */
  connectionClosed(): void {
    clearTimeout(this.#leftoverTimer);
    this.listener?.clientClosed();
  }

  /** Writes the rest of the response. */
  #finish(last: string): void {
    const { socket } = this.#connection;
    let text = this.#takeHead();
    if (this.#hasBody) {
      if (last !== "") text += this.#piece(last);
      if (this.#chunked) text += "0\r\n\r\n";
    }
    if (text !== "") socket.write(text, "latin1");
    this.#waiting = [];
    this.#consumer = undefined;
    if (this.#missing === 0) this.#over();
    else {
      this.#leftoverTimer = setTimeout(() => socket.destroy(), LEFTOVER_MS).unref();
      socket.resume();
    }
  }

  #over(): void {
    clearTimeout(this.#leftoverTimer);
    this.#connection.callEnded(this);
  }

  #takeHead(): string {
    const head = this.#responseHead;
    this.#responseHead = "";
    return head;
  }

  /** Formats a piece of the body. */
  #piece(text: string): string {
    return this.#chunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text;
  }
}
