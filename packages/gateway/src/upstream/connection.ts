import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { copyOf } from "../http/call/buffer-pool.ts";
import { ReadBuffer } from "../http/call/read-buffer.ts";
import type { SocketAddress } from "../protocol/socket-address.ts";
import { ChunkedDecoder } from "./chunked-decoder.ts";
import type { BodySink, BodySource, ReplicaRequest } from "./replica-request.ts";
import { type Framing, parseResponseHead, type ResponseHead } from "./response-head.ts";

/** Receives the response to a request. After `end`, `upgraded` and `failed` it is not called again. */
export interface ResponseHandler {
  /** Called when the request is about to be sent on a connection. Returns `false` to cancel it. */
  sending(call: ReplicaCall): boolean;
  head(head: ResponseHead): void;
  /** Called with bytes that are valid until it returns. Returns `false` to be called only after `resume`. */
  data(bytes: Buffer): boolean;
  /** Called when the response is complete, with its last bytes as in `data`. */
  end(last: Buffer | undefined): void;
  upgraded(head: ResponseHead, socket: Duplex): void;
  /** Called with a `ReplicaTimeout`, or with the error of the connection. */
  failed(error: Error): void;
  /** Tells whether a failure now would do no harm, because the request can be sent to another replica. */
  canMove?(): boolean;
}

/** A request in progress, as its sender controls it. */
export interface ReplicaCall {
  resume(): void;
  /** Closes the connection; the handler is not called again. */
  abort(): void;
}

/** Error of a replica that sent nothing for as long as the request allows. */
export class ReplicaTimeout extends Error {
  override readonly name = "ReplicaTimeout";
}

/** Pool that a connection reports to. */
export interface ConnectionOwner {
  readonly address: SocketAddress;
  /** Number of times that something was received on any of its connections. */
  reads: number;
  /** Called when the connection can take another request, within `keepMs` milliseconds. */
  release(connection: ReplicaConnection, keepMs: number): void;
  closed(connection: ReplicaConnection): void;
}

const CONNECT_MS = 5_000;
const MAX_HEAD_BYTES = 16 * 1024;
/** Longest head that the next one is compared with. */
const MAX_REMEMBERED_BYTES = 2 * 1024;
/** Replicas close idle connections after 5 s or later; the gateway closes them first, so that no request is sent on a closing one. */
const KEEP_MS = 4_000;

const INCOMING = new ReadBuffer();
const HEAD_END = Buffer.from("\r\n\r\n");

/** Bytes of a request's body that may wait to be written before its source is paused. */
const MAX_WAITING_BYTES = 64 * 1024;

/** Methods whose requests declare an empty body explicitly (RFC 9110 section 8.6). */
const EXPECTS_BODY = new Set(["POST", "PUT", "PATCH"]);

/**
 * A connection to a replica, with at most one request at a time: HTTP/1.1 as the gateway needs it, without pipelining.
 * This is the gateway's hot path (docs/decisions/0014-custom-upstream-client.md).
 */
export class ReplicaConnection implements ReplicaCall, BodySink {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #isStream: boolean;
  #request: ReplicaRequest | undefined;
  #handler: ResponseHandler | undefined;
  /** Framing of the current response; `undefined` until its head has arrived. */
  #framing: Framing | undefined;
  #keepMs = 0;
  /** Last head: most functions respond with the same fields again and again. */
  #lastHead: ResponseHead | undefined;
  /** The part of a head that has arrived. */
  #partial: Buffer | undefined;
  /** Bytes of a body with a length that have not arrived. */
  #remaining = 0;
  #chunked: ChunkedDecoder | undefined;
  /** Body of the current request, if it is a stream that has not ended. */
  #source: BodySource | undefined;
  #paused = false;
  #error: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = 0;

  /** Connects, unless it gets a connected socket, and then sends its first request. */
  constructor(owner: ConnectionOwner, request: ReplicaRequest, handler: ResponseHandler, connected?: Socket) {
    this.#owner = owner;
    this.#request = request;
    this.#handler = handler;
    const onread = { buffer: INCOMING.buffer, callback: (bytes: number) => this.#read(INCOMING.first(bytes)) };
    // The connection of an upgrade must be an ordinary stream.
    this.#isStream = connected !== undefined || request.upgrade !== undefined;
    const socket = connected ?? connect({ ...owner.address, noDelay: true, ...(this.#isStream ? {} : { onread }) });
    this.#socket = socket;
    if (this.#isStream) socket.on("data", this.#onData);
    if (!connected) socket.once("connect", () => this.#send(request));
    socket.on("drain", () => this.#source?.resume());
    socket.on("error", (error) => {
      this.#error = error;
    });
    socket.once("end", () => this.#ended());
    socket.once("close", () => this.#closed());
    if (connected) this.#send(request);
    else this.#arm(CONNECT_MS);
  }

  /** Sends another request; the connection must be free. */
  send(request: ReplicaRequest, handler: ResponseHandler): void {
    this.#request = request;
    this.#handler = handler;
    this.#send(request);
  }

  /** Closes a free connection. */
  close(): void {
    this.#socket.destroy();
  }

  /** Closes the connection, whatever it is used for. A request in progress fails with this error. */
  abandon(error: Error): void {
    if (this.#handler !== undefined) this.#fail(error);
    else this.#socket.destroy();
  }

  /** Fails the request in progress, if another replica can process it. */
  move(error: Error): void {
    if (this.#handler?.canMove?.()) this.#fail(error);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#timer?.refresh();
    this.#socket.resume();
  }

  abort(): void {
    this.#detach();
    this.#destroy();
  }

  /** Writes a chunk of the request's body. */
  write(chunk: Buffer): boolean {
    const socket = this.#socket;
    const { copy, done } = copyOf(chunk);
    if (this.#source?.length !== undefined) socket.write(copy, done);
    else {
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
      socket.write(copy, done);
      socket.write("\r\n", "latin1");
      socket.uncork();
    }
    return socket.writableLength < MAX_WAITING_BYTES;
  }

  /** Ends the request's body. */
  end(): void {
    if (this.#source?.length === undefined) this.#socket.write("0\r\n\r\n", "latin1");
    this.#source = undefined;
    this.#timer?.refresh();
  }

  #send(request: ReplicaRequest): void {
    this.#arm(request.timeoutMs);
    this.#framing = undefined;
    if (!this.#handler?.sending(this)) {
      this.abort();
      return;
    }
    const { method, target, headerLines, body, upgrade } = request;
    let head = `${method} ${target} HTTP/1.1\r\n${headerLines}`;
    if (upgrade !== undefined) head += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
    if (body === null) {
      this.#socket.write(`${head}${EXPECTS_BODY.has(method) ? "Content-Length: 0\r\n\r\n" : "\r\n"}`, "latin1");
    } else if (typeof body === "string") {
      // One string, one system call.
      this.#socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`, "latin1");
    } else {
      const { length } = body;
      const framing = length === undefined ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
      this.#socket.write(`${head}${framing}\r\n\r\n`, "latin1");
      this.#source = body;
      body.start(this);
    }
  }

  readonly #onData = (bytes: Buffer) => {
    this.#read(bytes);
  };

  /** Processes bytes that are valid until it returns. Returns `false` to stop reading until `resume`. */
  #read(bytes: Buffer): boolean {
    const handler = this.#handler;
    this.#owner.reads++;
    try {
      if (handler === undefined) throw new Error("the replica sent more than its response");
      this.#timer?.refresh();
      if (this.#framing === undefined) this.#readHead(bytes);
      else this.#readBody(this.#framing, bytes);
    } catch (error) {
      // The connection may already have another request.
      if (this.#handler === handler) this.#fail(error as Error);
      else handler?.failed(error as Error);
    }
    return !this.#paused;
  }

  #readHead(bytes: Buffer): void {
    const all = this.#partial === undefined ? bytes : Buffer.concat([this.#partial, bytes]);
    const end = all.indexOf(HEAD_END);
    if (end > MAX_HEAD_BYTES || (end < 0 && all.length > MAX_HEAD_BYTES))
      throw new Error(`the replica's header is larger than ${MAX_HEAD_BYTES} bytes`);
    if (end < 0) {
      this.#partial = Buffer.from(all);
      return;
    }
    this.#partial = undefined;
    const { method, upgrade } = this.#request as ReplicaRequest;
    const head = parseResponseHead(all.toString("latin1", 0, end), method, KEEP_MS, this.#lastHead);
    // Its fields keep the whole text in memory.
    this.#lastHead = end <= MAX_REMEMBERED_BYTES ? head : undefined;
    const rest = all.subarray(end + HEAD_END.length);
    if (head.status === 101) {
      if (upgrade === undefined) throw new Error("the replica changed the protocol without a request for it");
      this.#upgrade(head, rest);
    } else if (head.status >= 200) this.#begin(head, rest);
    // Interim responses (1xx) are for the gateway alone.
    else if (rest.length > 0) this.#readHead(rest);
  }

  #begin(head: ResponseHead, rest: Buffer): void {
    const { framing } = head;
    this.#framing = framing;
    this.#keepMs = head.keepMs;
    if (framing.kind === "length") this.#remaining = framing.bytes;
    else if (framing.kind === "chunked") this.#chunked = new ChunkedDecoder();
    this.#handler?.head(head);
    // The handler may have aborted the call.
    if (this.#handler === undefined) return;
    if (framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0))
      this.#complete(undefined, rest.length);
    else if (rest.length > 0) this.#readBody(framing, rest);
  }

  #readBody(framing: Framing, bytes: Buffer): void {
    if (framing.kind === "length") {
      if (bytes.length < this.#remaining) {
        this.#remaining -= bytes.length;
        this.#give(bytes);
      } else if (bytes.length === this.#remaining) this.#complete(bytes, 0);
      else this.#complete(bytes.subarray(0, this.#remaining), bytes.length - this.#remaining);
    } else if (this.#chunked !== undefined) {
      const read = this.#chunked.read(bytes, this.#give);
      if (this.#chunked?.done) this.#complete(undefined, bytes.length - read);
    } else this.#give(bytes);
  }

  readonly #give = (bytes: Buffer) => {
    if (this.#handler === undefined || this.#handler.data(bytes)) return;
    this.#paused = true;
    if (this.#isStream) this.#socket.pause();
  };

  #complete(last: Buffer | undefined, bytesBeyond: number): void {
    const handler = this.#handler;
    // Unexpected bytes, or a request body that has not been sent completely: the connection cannot be reused.
    const keepMs = bytesBeyond > 0 || this.#source ? 0 : this.#keepMs;
    this.#detach();
    if (keepMs > 0 && !this.#socket.destroyed) this.#owner.release(this, keepMs);
    else this.#destroy();
    handler?.end(last);
  }

  #upgrade(head: ResponseHead, rest: Buffer): void {
    const handler = this.#handler;
    const socket = this.#socket;
    clearTimeout(this.#timer);
    this.#detach();
    socket.off("data", this.#onData).removeAllListeners("end").removeAllListeners("drain").pause();
    if (rest.length > 0) socket.unshift(rest);
    handler?.upgraded(head, socket);
  }

  /** Handles the end of the replica's output. */
  #ended(): void {
    const handler = this.#framing?.kind === "until-close" ? this.#handler : undefined;
    if (handler) this.#detach();
    this.#destroy();
    handler?.end(undefined);
  }

  #closed(): void {
    clearTimeout(this.#timer);
    this.#owner.closed(this);
    const handler = this.#handler;
    this.#detach();
    handler?.failed(this.#error ?? new Error("the replica closed the connection"));
  }

  #fail(error: Error): void {
    const handler = this.#handler;
    this.#detach();
    this.#destroy();
    handler?.failed(error);
  }

  /** Removes the connection from its pool at once: "close" is emitted later. */
  #destroy(): void {
    this.#owner.closed(this);
    this.#socket.destroy();
  }

  /** Detaches the request. */
  #detach(): void {
    this.#source?.stop();
    this.#source = undefined;
    this.#request = undefined;
    this.#handler = undefined;
    this.#framing = undefined;
    this.#partial = undefined;
    this.#chunked = undefined;
    this.#paused = false;
  }

  #arm(ms: number): void {
    if (this.#timer !== undefined && this.#timerMs === ms) return void this.#timer.refresh();
    clearTimeout(this.#timer);
    this.#timerMs = ms;
    this.#timer = setTimeout(this.#onTimeout, ms).unref();
  }

  readonly #onTimeout = () => {
    if (this.#handler === undefined) return;
    if (this.#socket.connecting) this.#fail(new Error(`no connection within ${CONNECT_MS / 1000} s`));
    // The client is slow: to read the response, or to send the body.
    else if (this.#paused || this.#source) this.#timer?.refresh();
    else this.#fail(new ReplicaTimeout(`received nothing for ${this.#timerMs} ms`));
  };
}
