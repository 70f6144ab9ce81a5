import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ChunkedBody } from "./chunked-decoder.ts";
import { type Framing, parseResponseHead, type ResponseHead } from "./response-head.ts";

/** A request as it goes to a replica. */
export interface ReplicaRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Flat: a name, its value, and so on. How long the body is, and which protocol is asked for, is put behind them. */
  readonly headers: readonly string[];
  /** Whole, none, or one that comes. */
  readonly body: Buffer | null | BodySource;
  /** The protocol to change to. */
  readonly upgrade: string | undefined;
  /** The longest time until the head of the answer, and then between two pieces of its body. */
  readonly timeoutMs: number;
}

/** A body that comes piece by piece. */
export interface BodySource {
  /** In bytes; undefined when nobody knows. */
  readonly length: number | undefined;
  /** Begins to give it to the sink; to be called once. */
  start(sink: BodySink): void;
  /** The sink that said `false` takes more. */
  resume(): void;
  /** Nothing more of it is wanted. */
  stop(): void;
}

export interface BodySink {
  /** `false`: no more until `resume`. */
  write(chunk: Buffer): boolean;
  end(): void;
}

/** Who sent a request, and gets what comes of it. After `end`, `upgraded` and `failed` it gets nothing more. */
export interface ReplicaAnswer {
  /** There is a connection, and the request goes out on it now. `false`: nobody wants it any more. */
  sending(call: ReplicaCall): boolean;
  head(head: ResponseHead): void;
  /** The bytes are there until it returns. `false`: no more until `resume`. */
  data(bytes: Buffer): boolean;
  /** The answer is whole; `last` as in `data`. */
  end(last: Buffer | undefined): void;
  upgraded(head: ResponseHead, socket: Duplex): void;
  /** ReplicaTimeout, or how the connection broke. */
  failed(error: Error): void;
}

/** A request under way, for who sent it. */
export interface ReplicaCall {
  resume(): void;
  /** The answer is not wanted any more, and nothing more of it is told. */
  abort(): void;
}

/** Nothing came for as long as the request allows. */
export class ReplicaTimeout extends Error {
  override readonly name = "ReplicaTimeout";
}

/** Where a replica listens: options of `net.connect`. */
export type ReplicaAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** What its owner is told. */
export interface ConnectionOwner {
  readonly address: ReplicaAddress;
  /** It is free for another request, for so many milliseconds. */
  free(connection: ReplicaConnection, keepMs: number): void;
  closed(connection: ReplicaConnection): void;
}

const CONNECT_MS = 5_000;
const HEAD_MOST_BYTES = 16 * 1024;
/** Replicas close idle connections after 5 s or later; we do it first, so that no request meets a closing one. */
const KEEP_MS = 4_000;

/**
 * All connections read into this one: what is read is taken before the next read, and so no read allocates (`onread` of `net.connect`).
 */
const INCOMING = Buffer.allocUnsafeSlow(64 * 1024);
const HEAD_END = Buffer.from("\r\n\r\n");

/** Methods whose requests say so when they have no body (RFC 9110 section 8.6). */
const EXPECTS_BODY = new Set(["POST", "PUT", "PATCH"]);

/**
 * One connection to a replica, and the one request that is on it: HTTP/1.1 as the gateway needs it, without pipelining.
 * This is the gateway's hot path (docs/decisions/0014-custom-upstream-client.md).
 */
export class ReplicaConnection implements ReplicaCall, BodySink {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  #request: ReplicaRequest | undefined;
  #answer: ReplicaAnswer | undefined;
  /** Of the present answer; undefined while its head is awaited. */
  #framing: Framing | undefined;
  #keepMs = 0;
  /** The part of a head that came so far. */
  #partial: Buffer | undefined;
  /** Of a body with a length, not read yet. */
  #left = 0;
  #chunked: ChunkedBody | undefined;
  /** Of the present request, where it comes piece by piece and is not all sent. */
  #source: BodySource | undefined;
  #paused = false;
  #error: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = 0;

  /** Connects, and then sends its first request. */
  constructor(owner: ConnectionOwner, request: ReplicaRequest, answer: ReplicaAnswer) {
    this.#owner = owner;
    this.#request = request;
    this.#answer = answer;
    const onread = { buffer: INCOMING, callback: (bytes: number) => this.#read(INCOMING.subarray(0, bytes)) };
    // A connection that is handed over has to be an ordinary stream.
    const shared = request.upgrade === undefined;
    const socket = connect({ ...owner.address, noDelay: true, ...(shared ? { onread } : {}) });
    this.#socket = socket;
    if (!shared) socket.on("data", this.#onData);
    socket.once("connect", () => this.#send(request));
    socket.on("drain", () => this.#source?.resume());
    socket.on("error", (error) => {
      this.#error = error;
    });
    socket.once("end", () => this.#ended());
    socket.once("close", () => this.#closed());
    this.#arm(CONNECT_MS);
  }

  /** For a connection that is free. */
  send(request: ReplicaRequest, answer: ReplicaAnswer): void {
    this.#request = request;
    this.#answer = answer;
    this.#send(request);
  }

  /** No request is on it. */
  close(): void {
    this.#socket.destroy();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#timer?.refresh();
    this.#socket.resume();
  }

  abort(): void {
    this.#forget();
    this.#destroy();
  }

  /** A piece of the request's body. */
  write(chunk: Buffer): boolean {
    const socket = this.#socket;
    if (this.#source?.length !== undefined) return socket.write(chunk);
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    socket.write(chunk);
    const more = socket.write("\r\n", "latin1");
    socket.uncork();
    return more;
  }

  /** Of the request's body. */
  end(): void {
    if (this.#source?.length === undefined) this.#socket.write("0\r\n\r\n", "latin1");
    this.#source = undefined;
    this.#timer?.refresh();
  }

  #send(request: ReplicaRequest): void {
    this.#arm(request.timeoutMs);
    this.#framing = undefined;
    if (!this.#answer?.sending(this)) {
      this.abort();
      return;
    }
    const { method, target, headers, body, upgrade } = request;
    let head = `${method} ${target} HTTP/1.1\r\n`;
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
    if (upgrade !== undefined) head += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
    if (body === null) {
      this.#socket.write(`${head}${EXPECTS_BODY.has(method) ? "Content-Length: 0\r\n\r\n" : "\r\n"}`, "latin1");
    } else if (Buffer.isBuffer(body)) {
      // One string, one system call.
      this.#socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body.toString("latin1")}`, "latin1");
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

  /** Of the bytes nothing may be kept. `false`: the socket reads no more until `resume`. */
  #read(bytes: Buffer): boolean {
    const answer = this.#answer;
    try {
      if (answer === undefined) throw new Error("the replica sent more than its answer");
      this.#timer?.refresh();
      if (this.#framing === undefined) this.#readHead(bytes);
      else this.#readBody(this.#framing, bytes);
    } catch (error) {
      // Another request may be on it already.
      if (this.#answer === answer) this.#fail(error as Error);
      else answer?.failed(error as Error);
    }
    return !this.#paused;
  }

  #readHead(bytes: Buffer): void {
    const all = this.#partial === undefined ? bytes : Buffer.concat([this.#partial, bytes]);
    const end = all.indexOf(HEAD_END);
    if (end > HEAD_MOST_BYTES || (end < 0 && all.length > HEAD_MOST_BYTES))
      throw new Error(`the replica's header is larger than ${HEAD_MOST_BYTES} bytes`);
    if (end < 0) {
      this.#partial = Buffer.from(all);
      return;
    }
    this.#partial = undefined;
    const { method, upgrade } = this.#request as ReplicaRequest;
    const head = parseResponseHead(all.toString("latin1", 0, end), method, KEEP_MS);
    const rest = all.subarray(end + HEAD_END.length);
    if (head.status === 101) {
      if (upgrade === undefined) throw new Error("the replica changed the protocol without being asked");
      this.#handOver(head, rest);
    } else if (head.status >= 200) this.#begin(head, rest);
    // 1xx are between the replica and us.
    else if (rest.length > 0) this.#readHead(rest);
  }

  #begin(head: ResponseHead, rest: Buffer): void {
    const { framing } = head;
    this.#framing = framing;
    this.#keepMs = head.keepMs;
    if (framing.kind === "length") this.#left = framing.bytes;
    else if (framing.kind === "chunked") this.#chunked = new ChunkedBody();
    this.#answer?.head(head);
    // Its owner may have had enough.
    if (this.#answer === undefined) return;
    if (framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0)) this.#complete(undefined, rest);
    else if (rest.length > 0) this.#readBody(framing, rest);
  }

  #readBody(framing: Framing, bytes: Buffer): void {
    if (framing.kind === "length") {
      if (bytes.length < this.#left) {
        this.#left -= bytes.length;
        this.#give(bytes);
      } else this.#complete(bytes.subarray(0, this.#left), bytes.subarray(this.#left));
    } else if (this.#chunked !== undefined) {
      const read = this.#chunked.read(bytes, this.#give);
      if (this.#chunked?.done) this.#complete(undefined, bytes.subarray(read));
    } else this.#give(bytes);
  }

  readonly #give = (bytes: Buffer) => {
    if (this.#answer === undefined || this.#answer.data(bytes)) return;
    this.#paused = true;
    if (this.#request?.upgrade !== undefined) this.#socket.pause();
  };

  #complete(last: Buffer | undefined, beyond: Buffer): void {
    const answer = this.#answer;
    // Bytes that nobody asked for, or a body that is still on its way: what follows on this connection belongs to nothing.
    const keepMs = beyond.length > 0 || this.#source ? 0 : this.#keepMs;
    this.#forget();
    if (keepMs > 0 && !this.#socket.destroyed) this.#owner.free(this, keepMs);
    else this.#destroy();
    answer?.end(last);
  }

  #handOver(head: ResponseHead, rest: Buffer): void {
    const answer = this.#answer;
    const socket = this.#socket;
    clearTimeout(this.#timer);
    this.#forget();
    socket.off("data", this.#onData).removeAllListeners("end").removeAllListeners("drain").pause();
    if (rest.length > 0) socket.unshift(rest);
    answer?.upgraded(head, socket);
  }

  /** The replica sends no more. */
  #ended(): void {
    const answer = this.#framing?.kind === "until-close" ? this.#answer : undefined;
    if (answer) this.#forget();
    this.#destroy();
    answer?.end(undefined);
  }

  #closed(): void {
    clearTimeout(this.#timer);
    this.#owner.closed(this);
    const answer = this.#answer;
    this.#forget();
    answer?.failed(this.#error ?? new Error("the replica closed the connection"));
  }

  #fail(error: Error): void {
    const answer = this.#answer;
    this.#forget();
    this.#destroy();
    answer?.failed(error);
  }

  /** At once out of its owner's sight: the end itself is told a little later. */
  #destroy(): void {
    this.#owner.closed(this);
    this.#socket.destroy();
  }

  /** The request is off this connection. */
  #forget(): void {
    this.#source?.stop();
    this.#source = undefined;
    this.#request = undefined;
    this.#answer = undefined;
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
    if (this.#answer === undefined) return;
    if (this.#socket.connecting) this.#fail(new Error(`no connection within ${CONNECT_MS / 1000} s`));
    // It is the client who is slow: to take the answer, or to send the body.
    else if (this.#paused || this.#source) this.#timer?.refresh();
    else this.#fail(new ReplicaTimeout(`nothing came for ${this.#timerMs} ms`));
  };
}
