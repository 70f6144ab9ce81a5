import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FaasError } from "@faas/core";
import { sendProblem } from "./problem-response.ts";

/** Time limits for clients, in milliseconds. */
export interface ClientTimeouts {
  /** Longest pause in a request body, before the response has begun. */
  readonly bodyMs: number;
  /** Longest time in which the client reads nothing of the response. */
  readonly responseMs: number;
  /** Interval of the checks. */
  readonly sweepMs: number;
}

/** Handler of the request that is in progress on a connection. */
export interface Responder {
  /** Time of the request: `performance.now()`. */
  readonly arrived: number;
  fail(error: FaasError): void;
}

/** Reader that a connection has instead of `node:http`. */
export interface ConnectionReader {
  /** True without a request in progress. */
  readonly isIdle: boolean;
  /** Enforces the time limits for requests. */
  sweep(now: number, timeouts: ClientTimeouts): void;
}

const CONNECTION = Symbol("connection");

type SocketWithConnection = Socket & { [CONNECTION]?: ClientConnection };

/** Returns the connection that was attached to a socket. */
export const connectionOf = (socket: Socket): ClientConnection | undefined =>
  (socket as SocketWithConnection)[CONNECTION];

/** Returns a key for the remote end of a socket. */
export const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** A client's connection. */
export class ClientConnection {
  /** With TLS, the inner socket, once there is one. */
  socket: Socket;
  readonly address: string;
  readonly peer: string;
  /** Response to its last request; `undefined` before the first. All earlier responses are complete when this one is. */
  last: ServerResponse | undefined;
  /** Handler of the last request; `undefined` if the control API handles it. */
  responder: Responder | undefined;
  /** Reader of the connection; `undefined` for `node:http`. */
  reader: ConnectionReader | undefined;
  /** Time of the connection's start or of its last request: `performance.now()`. */
  activeMs = performance.now();
  /** The connection was upgraded to another protocol. */
  upgraded = false;
  /** The connection was rejected: further bytes on it are ignored. */
  rejected = false;
  /** The connection closes after the response to its last request. */
  ending = false;
  /** Requests that wait behind the response to an earlier one. */
  pipelined = 0;
  #bytesRead = -1;
  #bytesReadAt = 0;
  #bytesWritten = -1;
  #bytesWrittenAt = 0;

  /** @param address group of addresses that it counts for */
  constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.address = address;
    this.peer = peerOf(socket);
    (socket as SocketWithConnection)[CONNECTION] = this;
  }

  /** Moves to the inner socket of a TLS connection: requests arrive on it. */
  secure(socket: Socket): void {
    this.socket = socket;
    (socket as SocketWithConnection)[CONNECTION] = this;
  }

  /** True without a request in progress: then the connection may be closed at any time (RFC 9112 section 9.5). */
  get isIdle(): boolean {
    if (this.reader && !this.rejected) return this.reader.isIdle;
    return !this.upgraded && !this.rejected && (this.last === undefined || this.last.writableFinished);
  }

  /**
   * Enforces the time limits; to be called periodically.
   * @param onBodyTimeout called with the response to a request whose body has stalled
   */
  sweep(now: number, timeouts: ClientTimeouts, onBodyTimeout: (last: ServerResponse) => void): void {
    const { last, reader } = this;
    if (this.upgraded || this.rejected) return;
    if (reader !== undefined) {
      reader.sweep(now, timeouts);
      this.#sweepResponse(now, timeouts);
      return;
    }
    if (last === undefined) return;
    const { req: request } = last;
    if (last.writableFinished) {
      // An idle connection does not need what its last request allocated.
      if (request.complete) this.last = this.responder = undefined;
      return;
    }
    // A body that has not been requested yet, or is paused, is not the client's fault; nor must the client hurry once the response has begun.
    const owesBody =
      !request.complete && request.readableFlowing === true && request.readableLength === 0 && !last.headersSent;
    const { bytesRead } = this.socket;
    if (!owesBody || bytesRead !== this.#bytesRead) this.#bytesReadAt = now;
    else if (now - this.#bytesReadAt >= timeouts.bodyMs) return void onBodyTimeout(last);
    this.#bytesRead = bytesRead;
    this.#sweepResponse(now, timeouts);
  }

  /** Closes the connection of a client that does not read the response. */
  #sweepResponse(now: number, timeouts: ClientTimeouts): void {
    const { socket } = this;
    const pending = pendingBytes(socket);
    const written = socket.bytesWritten - pending;
    if (pending === 0 || written !== this.#bytesWritten) this.#bytesWrittenAt = now;
    else if (now - this.#bytesWrittenAt >= timeouts.responseMs) socket.destroy();
    this.#bytesWritten = written;
  }

  /** Responds to its last request, whose response has not begun, and closes after it. */
  fail(last: ServerResponse, error: FaasError): void {
    this.rejected = true;
    last.shouldKeepAlive = false;
    if (this.responder) this.responder.fail(error);
    else sendProblem(last, error);
  }
}

/** Returns the number of bytes that the client has not received yet. */
function pendingBytes(socket: Socket): number {
  // The kernel may have accepted part of a write in progress: this tells a large write that makes progress from one that makes none.
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return socket.writableLength === 0 ? 0 : (handle?.writeQueueSize ?? socket.writableLength);
}
