import type { Socket } from "node:net";
import { FaasError } from "@faas/core";
import type { Gateway } from "../../pipeline/pipeline.ts";
import { Caller } from "../call/caller.ts";
import type { ClientConnection, ClientTimeouts, ConnectionReader, Responder } from "../client-connection.ts";
import type { ConnectionManager } from "../connection-manager.ts";
import { isControlPath } from "../request-path.ts";
import { bodyTimeout, headTimeout } from "../timeout-errors.ts";
import { type CallConnection, FastCall } from "./call.ts";
import {
  type Fields,
  INCOMPLETE,
  MAX_HEAD_BYTES,
  NOT_USUAL,
  parseRequestHead,
  type RequestHead,
} from "./request-head.ts";
import { readIntoSharedBuffer } from "./shared-buffer.ts";

/** Parts that the connections of a server share. */
export interface FastReaderContext {
  readonly gateway: Gateway;
  readonly manager: ConnectionManager;
  /** Longest time for a head. */
  readonly headMs: number;
  /** Time for which an idle connection is kept. */
  readonly keepAliveMs: number;
  /** Header lines of a response after which the connection is kept. */
  readonly keepAliveLines: string;
  /** Makes `node:http` listen to a connection. */
  readonly handOver: (socket: Socket) => void;
}

/** Bytes of later requests that are kept until the present one has its response. */
const MAX_EARLY_BYTES = 64 * 1024;

const READER = Symbol("reader");

type SocketWithReader = Socket & { [READER]: FastConnection };

/** Reads the usual requests of a connection, one after the other. At the first one that is not usual, `node:http` takes the connection over. */
export class FastConnection implements CallConnection, ConnectionReader {
  readonly socket: Socket;
  /** `node:http` reads the connection. */
  handedOver = false;
  readonly #context: FastReaderContext;
  readonly #client: ClientConnection;
  #caller: Caller | undefined;
  /** Header fields of the last request. */
  #fields: Fields | undefined;
  #call: FastCall | undefined;
  /** Handler of the call. */
  #responder: Responder | undefined;
  /** Without a call, the part of a head that arrived; with one, bytes beyond it. */
  #early: Buffer | undefined;
  /** Time since which a head is awaited, or the connection is idle. */
  #waitsSince = performance.now();
  #bytesWritten = 0;
  #bytesRead = 0;
  #bytesReadAt = 0;

  /** Starts to read a connection. */
  constructor(client: ClientConnection, context: FastReaderContext) {
    const { socket } = client;
    this.socket = socket;
    this.#context = context;
    this.#client = client;
    client.reader = this;
    (socket as SocketWithReader)[READER] = this;
    if (!readIntoSharedBuffer(socket, onRead)) socket.on("data", onData);
    socket.on("end", onEnd).on("close", onClose).on("error", onError).on("drain", onDrain);
  }

  get caller(): Caller {
    this.#caller ??= new Caller(this.socket);
    return this.#caller;
  }

  get keepAliveLines(): string {
    return this.#context.keepAliveLines;
  }

  get isDraining(): boolean {
    return this.#context.manager.isDraining;
  }

  get isIdle(): boolean {
    return this.#call === undefined && this.socket.writableLength === 0;
  }

  /** Reads bytes that are valid until it returns. */
  read(bytes: Buffer): void {
    const call = this.#call;
    // Bytes after the last request of a connection are ignored.
    if (this.#client.ending) return;
    if (call === undefined) this.#readHead(this.#early === undefined ? bytes : Buffer.concat([this.#early, bytes]));
    else if (call.readsBody) this.#readBody(call, bytes);
    else this.#keepEarly(bytes);
  }

  #readHead(bytes: Buffer): void {
    if (this.#client.rejected) return;
    const head = parseRequestHead(bytes.toString("latin1", 0, MAX_HEAD_BYTES), this.#fields);
    if (head === INCOMPLETE && bytes.length < MAX_HEAD_BYTES) {
      if (this.#early === undefined) this.#waitsSince = performance.now();
      this.#early = Buffer.from(bytes);
      return;
    }
    this.#early = undefined;
    if (head === INCOMPLETE || head === NOT_USUAL) this.#handOver(bytes);
    else this.#start(head, bytes);
  }

  #start(head: RequestHead, bytes: Buffer): void {
    const { gateway } = this.#context;
    const key = gateway.endpointAt(head.fields.known.host as string);
    if (key === undefined && isControlPath(head.target)) {
      this.#handOver(bytes);
      return;
    }
    this.#fields = head.fields;
    const call = new FastCall(this, head);
    this.#call = call;
    const responder = gateway.request(call, key);
    this.#client.activeMs = responder.arrived;
    if (this.#call === call) this.#responder = responder;
    if (bytes.length > head.length) this.read(bytes.subarray(head.length));
  }

  #readBody(call: FastCall, bytes: Buffer): void {
    const beyond = call.receive(bytes);
    if (beyond !== undefined) this.#keepEarly(beyond);
  }

  #keepEarly(bytes: Buffer): void {
    if (this.#client.ending) return;
    this.#early = this.#early === undefined ? Buffer.from(bytes) : Buffer.concat([this.#early, bytes]);
    if (this.#call === undefined) this.#handOverEarly();
    else if (this.#early.length > MAX_EARLY_BYTES) this.socket.pause();
  }

  callEnded(call: FastCall): void {
    if (call !== this.#call) return;
    this.#call = this.#responder = undefined;
    if (!call.keepAlive) {
      this.#client.ending = true;
      this.socket.destroySoon();
    } else if (this.#early !== undefined) process.nextTick(() => this.#handOverEarly());
    else if (this.socket.isPaused()) this.socket.resume();
  }

  /** Hands over a client that sent requests without waiting for responses. */
  #handOverEarly(): void {
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined && !this.socket.destroyed) this.#handOver(early);
  }

  /** Lets `node:http` read the connection from these bytes on. */
  #handOver(bytes: Buffer): void {
    const { socket } = this;
    this.#detach();
    if (socket.isPaused()) socket.resume();
    this.#context.handOver(socket);
    socket.emit("data", Buffer.from(bytes));
  }

  #detach(): void {
    const { socket } = this;
    socket.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onError).off("drain", onDrain);
    this.#client.reader = undefined;
    this.handedOver = true;
  }

  /** Handles the end of the client's side. As with `node:http`, it ends the connection, whether or not there is a response. */
  ended(): void {
    const call = this.#call;
    if (call === undefined && this.#early !== undefined) this.#reject(cutOff());
    else if (call?.readsBody && !call.headSent) this.#failBody(call, cutOff());
    else this.socket.end();
  }

  closed(): void {
    const call = this.#call;
    this.#call = this.#responder = this.#early = undefined;
    call?.connectionClosed();
  }

  drained(): void {
    this.#call?.listener?.clientDrained();
  }

  sweep(now: number, { bodyMs }: ClientTimeouts): void {
    const call = this.#call;
    const { socket } = this;
    const { bytesRead, bytesWritten } = socket;
    if (call !== undefined) {
      if (!call.owesBody || bytesRead !== this.#bytesRead) this.#bytesReadAt = now;
      else if (now - this.#bytesReadAt >= bodyMs) this.#failBody(call, bodyTimeout(bodyMs));
      this.#bytesRead = bytesRead;
      return;
    }
    // An idle connection does not need what its last request allocated.
    this.#fields = undefined;
    const { headMs, keepAliveMs } = this.#context;
    if (this.#early !== undefined || bytesWritten === 0) {
      if (now - this.#waitsSince >= headMs) this.#reject(headTimeout(headMs));
    } else if (bytesWritten !== this.#bytesWritten) this.#waitsSince = now;
    else if (now - this.#waitsSince >= keepAliveMs) socket.destroy();
    this.#bytesWritten = bytesWritten;
  }

  /** Responds to a request whose body stalls or is cut off, and closes the connection. */
  #failBody(call: FastCall, error: FaasError): void {
    this.#client.rejected = true;
    call.keepAlive = false;
    this.#responder?.fail(error);
    this.#context.manager.close(this.socket);
  }

  /** Responds to a request that never became complete, and closes the connection. */
  #reject(error: FaasError): void {
    this.#client.rejected = true;
    this.#early = undefined;
    this.#context.manager.close(this.socket, error);
  }
}

/** Passes on what was read into the shared buffer: to the reader, or after a hand-over into the stream. */
function onRead(this: Socket, bytes: Buffer): boolean {
  const reader = readerOf(this);
  if (reader.handedOver) return this.push(Buffer.from(bytes));
  reader.read(bytes);
  return !this.isPaused();
}

const cutOff = () => new FaasError("INVALID_REQUEST", "Malformed HTTP: Invalid EOF state");

// Shared by all connections: an idle one takes no memory for listeners of its own.
const readerOf = (socket: Socket) => (socket as SocketWithReader)[READER];

function onData(this: Socket, bytes: Buffer): void {
  readerOf(this).read(bytes);
}

function onEnd(this: Socket): void {
  readerOf(this).ended();
}

function onClose(this: Socket): void {
  readerOf(this).closed();
}

function onDrain(this: Socket): void {
  readerOf(this).drained();
}

/** Ignores an error: "close" follows. */
function onError(): void {}
