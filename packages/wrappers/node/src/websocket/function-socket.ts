import type { Duplex } from "node:stream";
import { logError } from "../log-error.ts";
import {
  CLOSE,
  closeFrame,
  FrameDecoder,
  FrameError,
  type FrameListener,
  frame,
  isCloseCode,
  OPCODES,
} from "./frames.ts";

/** Time for the client to answer a close frame. */
const CLOSE_MS = 5_000;
/** Number of messages that wait for a reader before the connection is paused. */
const MAX_WAITING = 16;

type EventName = "open" | "message" | "close" | "error";
/** Event of a WebSocket, with the fields of the web's events. */
interface SocketEvent {
  readonly type: EventName;
  readonly target: FunctionSocket;
  readonly data?: string | Buffer;
  readonly code?: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
  readonly message?: string;
}
type Listener = (event: SocketEvent) => unknown;

/** Connection of a function's WebSocket. Accepting it is the first thing that the function does with it. */
export interface Connection {
  readonly requestId: string;
  readonly offered: readonly string[];
  /** Sends the response that accepts the WebSocket. Returns the stream and the bytes that followed the request. */
  accept(protocol: string): { readonly stream: Duplex; readonly head: Buffer };
}

/** Server's side of a WebSocket, with the interface of the web: `send`, `close`, events, and iteration over the messages. */
export class FunctionSocket implements FrameListener {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readyState = 0;
  protocol = "";
  readonly extensions = "";
  readonly binaryType = "nodebuffer";
  onopen: Listener | null = null;
  onmessage: Listener | null = null;
  onclose: Listener | null = null;
  onerror: Listener | null = null;
  readonly #connection: Connection;
  readonly #listeners: [EventName, Listener, boolean][] = [];
  readonly #decoder = new FrameDecoder(this);
  #stream: Duplex | undefined;
  /** Code and reason of the client's close frame, or of the function's failure. */
  #closed: { readonly code: number; readonly reason: string } | undefined;
  #hasSentClose = false;
  readonly #waiting: (string | Buffer)[] = [];
  #wake: (() => void) | undefined;
  #isIterated = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Accepts the WebSocket, by default with the first subprotocol that the client offers. */
  accept({ protocol = this.#connection.offered[0] ?? "" }: { readonly protocol?: string } = {}): void {
    if (this.readyState !== this.CONNECTING) return;
    const { stream, head } = this.#connection.accept(protocol);
    this.protocol = protocol;
    this.#stream = stream;
    this.readyState = this.OPEN;
    stream.on("close", () => this.#onLost());
    // The client's end without a close frame is a lost line.
    stream.on("end", () => stream.end());
    // Listeners that are added in this turn get the first events too.
    setImmediate(() => {
      if (stream.destroyed) return;
      this.#emit({ type: "open", target: this });
      stream.on("data", (chunk: Buffer) => this.#read(chunk));
      if (head.length > 0) this.#read(head);
    });
  }

  get bufferedAmount(): number {
    return this.#stream?.writableLength ?? 0;
  }

  /** @throws TypeError for data other than strings and bytes */
  send(data: string | ArrayBuffer | ArrayBufferView): void {
    this.accept();
    const opcode = typeof data === "string" ? OPCODES.TEXT : OPCODES.BINARY;
    this.#write(frame(opcode, bytesOf(data)));
  }

  /**
   * Begins to close.
   *
   * @throws RangeError for an invalid code or a reason of more than 123 bytes
   */
  close(code: number = CLOSE.NORMAL, reason = ""): void {
    if (!isCloseCode(code))
      throw new RangeError(`Expected a close code from 1000 to 1014 or 3000 to 4999, got ${code}`);
    if (Buffer.byteLength(reason) > 123) throw new RangeError("Expected a reason of at most 123 bytes");
    this.accept();
    this.#close(code, reason);
  }

  addEventListener(name: EventName, listener: Listener, options?: { readonly once?: boolean }): void {
    this.#listeners.push([name, listener, options?.once === true]);
  }

  removeEventListener(name: EventName, listener: Listener): void {
    const index = this.#listeners.findIndex(([each, added]) => each === name && added === listener);
    if (index >= 0) this.#listeners.splice(index, 1);
  }

  /** Iterates over the messages until the WebSocket closes. The client has to wait while many are unread. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string | Buffer> {
    this.accept();
    this.#isIterated = true;
    for (;;) {
      const data = this.#waiting.shift();
      if (data !== undefined) {
        if (this.#waiting.length < MAX_WAITING) this.#stream?.resume();
        yield data;
      } else if (this.readyState >= this.CLOSING) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  onMessage(data: string | Buffer): void {
    if (this.readyState !== this.OPEN) return;
    if (this.#isIterated) {
      this.#waiting.push(data);
      if (this.#waiting.length >= MAX_WAITING) this.#stream?.pause();
      this.#wake?.();
    }
    this.#emit({ type: "message", target: this, data });
  }

  onPing(data: Buffer): void {
    this.#write(frame(OPCODES.PONG, data));
  }

  onClose(code: number, reason: string): void {
    this.#closed ??= { code, reason };
    this.#close(code, "");
    this.#stream?.end();
  }

  /** Closes with 1011, because the function threw. */
  fail(error: unknown): void {
    const { requestId } = this.#connection;
    logError(error, requestId);
    this.#close(CLOSE.ERROR, "");
  }

  #read(chunk: Buffer): void {
    try {
      this.#decoder.write(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#closed = { code: error.code, reason: error.message };
      this.#emit({ type: "error", target: this, message: error.message });
      this.#close(error.code, error.message);
      // The rest cannot be read.
      this.#stream?.removeAllListeners("data");
      this.#stream?.resume();
      this.#stream?.end();
    }
  }

  #close(code: number, reason: string): void {
    if (this.#hasSentClose || this.readyState === this.CLOSED) return;
    this.readyState = this.CLOSING;
    this.#write(closeFrame(code, reason));
    this.#hasSentClose = true;
    this.#wake?.();
    this.#stream?.resume();
    setTimeout(() => this.#stream?.destroy(), CLOSE_MS).unref();
  }

  /** Ends the WebSocket when the connection is closed, with 1006 if no close frame came. */
  #onLost(): void {
    this.readyState = this.CLOSED;
    const { code, reason } = this.#closed ?? { code: CLOSE.LOST, reason: "" };
    this.#wake?.();
    this.#emit({ type: "close", target: this, code, reason, wasClean: code !== CLOSE.LOST });
  }

  #write(bytes: Buffer): void {
    if (this.#hasSentClose || this.#stream?.writable !== true) return;
    this.#stream.write(bytes);
  }

  #emit(event: SocketEvent): void {
    const added = this.#listeners.filter(([name]) => name === event.type);
    for (const [name, listener, isOnce] of added) {
      if (isOnce) this.removeEventListener(name, listener);
      this.#call(listener, event);
    }
    const own = this[`on${event.type}`];
    if (typeof own === "function") this.#call(own, event);
  }

  /** Calls a listener. What it throws, or its promise's rejection, closes the WebSocket. */
  #call(listener: Listener, event: SocketEvent): void {
    try {
      const result = listener.call(this, event);
      if (result instanceof Promise) result.catch((error) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }
}

/** @throws TypeError for data other than strings and bytes */
function bytesOf(data: unknown): Buffer {
  if (typeof data === "string" || data instanceof ArrayBuffer) return Buffer.from(data as string);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError(`Expected a string or bytes to send, got ${data === null ? "null" : typeof data}`);
}
