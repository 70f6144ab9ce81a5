import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { FaasError } from "@faas/core";
import { addressGroup, type ConnectionLimits } from "./connection-limits.ts";
import { formatProblem, sendProblem } from "./problem-response.ts";
import { newRequestId } from "./request-id.ts";

/** Milliseconds that a client may be silent. */
export interface ClientPatience {
  /** In the middle of a body, before the answer has begun; 30 s. */
  readonly bodyMs: number;
  /** Without taking anything of the answer; 60 s. */
  readonly answerMs: number;
  /** How often that is looked at; 5 s. */
  readonly sweepMs: number;
}

export const CLIENT_PATIENCE: ClientPatience = { bodyMs: 30_000, answerMs: 60_000, sweepMs: 5_000 };

/** Who answers the request that a connection has. */
export interface Answering {
  fail(error: FaasError): void;
}

/** A connection that was refused is read so long, so that the client gets to see why (RFC 9112 section 9.6). */
const LINGER_MS = 2_000;
/** As many of these at a time; more are closed at once. */
const MAX_LINGERING = 256;
const NO_ROOM_MS = 20;
/** Requests of a connection that may wait behind another's answer. */
const MAX_PIPELINED = 100;

const CONNECTION = Symbol("connection");

/** One client's connection. */
class ClientConnection {
  /** With TLS, the inner one as soon as there is one. */
  socket: Socket;
  readonly address: string;
  readonly peer: string;
  /** The answer to its last request; undefined before the first. Those before it are done when it is. */
  last: ServerResponse | undefined;
  /** Absent where the control API answers. */
  answering: Answering | undefined;
  /** When it was made, or its last request came: `performance.now()`. */
  activeMs = performance.now();
  /** It speaks another protocol now. */
  handedOver = false;
  /** Nothing that still comes on it counts. */
  refused = false;
  /** It is closed after the answer to its last request. */
  ending = false;
  /** Requests that wait behind another's answer. */
  pipelined = 0;
  #read = -1;
  #readMs = 0;
  #written = -1;
  #writtenMs = 0;

  constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.address = address;
    this.peer = peerOf(socket);
  }

  /** No request is on it: it may be closed at any time (RFC 9112 section 9.5). */
  get isIdle(): boolean {
    return !this.handedOver && !this.refused && (this.last === undefined || this.last.writableFinished);
  }

  /** Ends what makes no progress for the client's sake. */
  sweep(now: number, patience: ClientPatience, timeOut: (last: ServerResponse) => void): void {
    const { last, socket } = this;
    if (last === undefined || this.handedOver || this.refused) return;
    const { req: request } = last;
    if (last.writableFinished) {
      // An idle connection need not keep what its last request brought.
      if (request.complete) this.last = this.answering = undefined;
      return;
    }
    // A body that nobody asked for yet, or that is held back, is not the client's fault; nor need it hurry once it is being answered.
    const owesBody =
      !request.complete && request.readableFlowing === true && request.readableLength === 0 && !last.headersSent;
    if (!owesBody || socket.bytesRead !== this.#read) this.#readMs = now;
    else if (now - this.#readMs >= patience.bodyMs) return void timeOut(last);
    this.#read = socket.bytesRead;
    const pending = pendingBytes(socket);
    const written = socket.bytesWritten - pending;
    if (pending === 0 || written !== this.#written) this.#writtenMs = now;
    else if (now - this.#writtenMs >= patience.answerMs) socket.destroy();
    this.#written = written;
  }

  /** Answers its last request, of which nothing was answered yet, and closes after it. */
  fail(last: ServerResponse, error: FaasError): void {
    this.refused = true;
    last.shouldKeepAlive = false;
    if (this.answering) this.answering.fail(error);
    else sendProblem(last, error);
  }
}

/** Bytes that the client has not taken yet. */
function pendingBytes(socket: Socket): number {
  // What the kernel has not taken of a write under way: a large one that makes progress is told from one that makes none.
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return socket.writableLength === 0 ? 0 : (handle?.writeQueueSize ?? socket.writableLength);
}

/** The clients of a server: how many there may be, which ones are too slow, and how one that makes no sense is refused. */
export class ClientConnections {
  readonly #limits: ConnectionLimits;
  readonly #patience: ClientPatience;
  readonly #all = new Set<ClientConnection>();
  readonly #perAddress = new Map<string, number>();
  /** With TLS: by address and port, for `secureConnection` tells of another socket. */
  readonly #byPeer: Map<string, ClientConnection> | undefined;
  /** When none was idle: of an address, or, under the empty one, of all. */
  readonly #noRoomMs = new Map<string, number>();
  #lingering = 0;
  #sweep: NodeJS.Timeout | undefined;

  constructor(server: Server, limits: ConnectionLimits, patience: ClientPatience, isSecure = false) {
    this.#limits = limits;
    this.#patience = patience;
    if (isSecure) this.#byPeer = new Map();
    server.on("connection", (socket: Socket) => this.#add(socket));
    server.on("secureConnection", (socket: Socket) => this.#secured(socket));
  }

  /** A request came. `false`: it is not to be answered, or is already. */
  takes(request: IncomingMessage, response: ServerResponse): boolean {
    const connection = connectionOf(request.socket);
    if (connection === undefined) return true;
    if (connection.refused || connection.ending) return false;
    connection.last = response;
    connection.answering = undefined;
    connection.activeMs = performance.now();
    // It has its socket unless another answer has to go first.
    if (response.socket !== null) return true;
    if (connection.pipelined >= MAX_PIPELINED) {
      connection.refused = true;
      sendProblem(
        response,
        new FaasError("INVALID_REQUEST", `Expected at most ${MAX_PIPELINED} requests ahead of their answers, got more`),
      );
      return false;
    }
    connection.pipelined++;
    response.once("close", () => connection.pipelined--);
    return true;
  }

  /** Closes after the answer to this request, and takes no other. */
  takesNoMore(request: IncomingMessage, response: ServerResponse): void {
    response.shouldKeepAlive = false;
    const connection = connectionOf(request.socket);
    if (connection) connection.ending = true;
  }

  /** Who answers the request that came last. */
  answers(request: IncomingMessage, answering: Answering): void {
    const connection = connectionOf(request.socket);
    if (connection) connection.answering = answering;
  }

  /** A request that asks for another protocol. */
  handsOver(request: IncomingMessage): void {
    const connection = connectionOf(request.socket);
    if (connection) connection.handedOver = true;
  }

  /** Answers a request that must not be passed on, and closes after it. */
  refuse(request: IncomingMessage, response: ServerResponse, error: FaasError): void {
    const connection = connectionOf(request.socket);
    if (connection) connection.refused = true;
    sendProblem(response, error);
  }

  /** What came cannot be understood, or did not come in time. Answers before it go out first. */
  malformed(socket: Socket, error: FaasError): void {
    const connection = connectionOf(socket);
    if (connection === undefined) return void this.close(socket, error);
    // More of the same.
    if (connection.refused) return;
    const { last } = connection;
    if (last === undefined) {
      connection.refused = true;
      return void this.close(socket, error);
    }
    if (!last.req.complete) {
      // It is in the body of the last request.
      if (!last.headersSent) return void this.#fail(connection, last, error);
      connection.refused = true;
      return void this.close(socket);
    }
    connection.refused = true;
    if (last.writableFinished) this.close(socket, error);
    else last.once("close", () => this.close(socket, error));
  }

  /** Says why, where it can be said, and closes. */
  close(socket: Socket, error?: FaasError, requestId = newRequestId()): void {
    // After CONNECT and an upgrade node:http listens no more, and an error that nobody listens to would end the server.
    socket.on("error", () => socket.destroy());
    if (!socket.writable || this.#lingering >= MAX_LINGERING) return void socket.destroy();
    if (error === undefined) socket.end();
    else socket.end(formatProblem(error, requestId));
    this.#lingering++;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once("close", () => {
      this.#lingering--;
      clearTimeout(timer);
    });
  }

  /** Answers a request whose body is not to be had, and closes, unless other answers go first: then after these. */
  #fail(connection: ClientConnection, last: ServerResponse, error: FaasError): void {
    const { socket } = connection;
    const isFirst = last.socket !== null;
    // node:http tells nobody who reads the body that no more comes, once the answer is out.
    socket.once("close", () => last.req.destroy());
    connection.fail(last, error);
    if (isFirst) setImmediate(() => this.close(socket));
  }

  #add(socket: Socket): void {
    const address = addressGroup(socket.remoteAddress);
    const connection = new ClientConnection(socket, address);
    (socket as WithConnection)[CONNECTION] = connection;
    const { total, perAddress } = this.#limits;
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (ofAddress >= perAddress && !this.#makeRoom(address))
      return void this.#turnAway(connection, `${perAddress} connections of ${address}`);
    if (this.#all.size >= total && !this.#makeRoom()) return void this.#turnAway(connection, `${total} connections`);
    this.#all.add(connection);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    this.#byPeer?.set(connection.peer, connection);
    socket.once("close", () => this.#forget(connection));
    this.#sweep ??= setTimeout(this.#onSweep, this.#patience.sweepMs).unref();
  }

  /** Its requests come on this socket. */
  #secured(socket: Socket): void {
    const connection = this.#byPeer?.get(peerOf(socket));
    if (connection === undefined) return void socket.destroy();
    connection.socket = socket;
    (socket as WithConnection)[CONNECTION] = connection;
  }

  /** Closes the idle ones whose last request is the longest ago: a hundredth of all, so that looking for them costs little each. */
  #makeRoom(address?: string): boolean {
    const key = address ?? "";
    const now = performance.now();
    // Who is turned away again and again must not have all of them looked at each time.
    if (now - (this.#noRoomMs.get(key) ?? Number.NEGATIVE_INFINITY) < NO_ROOM_MS) return false;
    const among = address === undefined ? () => true : (connection: ClientConnection) => connection.address === address;
    const idle = [...this.#all].filter((connection) => connection.isIdle && among(connection));
    if (idle.length === 0) this.#noRoomMs.set(key, now);
    idle.sort((a, b) => a.activeMs - b.activeMs);
    for (const connection of idle.slice(0, Math.ceil(idle.length / 100))) {
      this.#forget(connection);
      connection.refused = true;
      connection.socket.destroy();
    }
    return idle.length > 0;
  }

  #turnAway(connection: ClientConnection, what: string): void {
    connection.refused = true;
    // Nothing can be said before there is TLS.
    if (this.#byPeer) return void connection.socket.destroy();
    this.close(
      connection.socket,
      new FaasError("TOO_MANY_CONNECTIONS", `There are ${what} already, and all have a request; again in a moment`),
    );
  }

  #forget(connection: ClientConnection): void {
    if (!this.#all.delete(connection)) return;
    this.#byPeer?.delete(connection.peer);
    const { address } = connection;
    const left = (this.#perAddress.get(address) as number) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }

  readonly #onSweep = () => {
    this.#sweep = undefined;
    const now = performance.now();
    this.#noRoomMs.clear();
    const { bodyMs } = this.#patience;
    for (const connection of this.#all) {
      connection.sweep(now, this.#patience, (last) => {
        const detail = `Expected the rest of the request's body, and nothing came for ${bodyMs / 1000} s`;
        this.#fail(connection, last, new FaasError("REQUEST_TIMEOUT", detail));
      });
    }
    if (this.#all.size > 0) this.#sweep = setTimeout(this.#onSweep, this.#patience.sweepMs).unref();
  };
}

type WithConnection = Socket & { [CONNECTION]?: ClientConnection };

const connectionOf = (socket: Socket): ClientConnection | undefined => (socket as WithConnection)[CONNECTION];

const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
