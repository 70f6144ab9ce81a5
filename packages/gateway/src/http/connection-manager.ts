import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { FaasError } from "@faas/core";
import { ClientConnection, type ClientTimeouts, connectionOf, peerOf, type Responder } from "./client-connection.ts";
import { addressGroup, type ConnectionLimits } from "./connection-limits.ts";
import { formatProblem, sendProblem } from "./problem-response.ts";
import { newRequestId } from "./request-id.ts";
import { bodyTimeout } from "./timeout-errors.ts";

/** Default time limits for clients. */
export const CLIENT_TIMEOUTS: ClientTimeouts = { bodyMs: 30_000, responseMs: 60_000, sweepMs: 5_000 };

/** Time for which a rejected connection is still read, so that the client receives the response (RFC 9112 section 9.6). */
const LINGER_MS = 2_000;
/** Rejected connections that linger at a time; further ones are closed at once. */
const MAX_LINGERING = 256;
/** Time after which idle connections are looked for again when there were none. */
const IDLE_SEARCH_MS = 20;
/** Time for the first request of a new connection while the server drains. */
const FIRST_REQUEST_MS = 1_000;
/** Requests of a connection that may wait behind the response to an earlier one. */
const MAX_PIPELINED = 100;

/** The clients of a server: limits their number, closes slow ones, and rejects malformed input. */
export class ConnectionManager {
  readonly #limits: ConnectionLimits;
  readonly #timeouts: ClientTimeouts;
  readonly #all = new Set<ClientConnection>();
  readonly #perAddress = new Map<string, number>();
  /** With TLS, connections by address and port: the event `secureConnection` has another socket than `connection`. */
  readonly #byPeer: Map<string, ClientConnection> | undefined;
  /** Time of the last search that found no idle connection, by address; under "", of all addresses. */
  readonly #noneIdleMs = new Map<string, number>();
  #lingering = 0;
  #sweep: NodeJS.Timeout | undefined;
  #draining = false;

  constructor(server: Server, limits: ConnectionLimits, timeouts: ClientTimeouts, isSecure = false) {
    this.#limits = limits;
    this.#timeouts = timeouts;
    if (isSecure) this.#byPeer = new Map();
    server.on("connection", (socket: Socket) => this.#add(socket));
    server.on("secureConnection", (socket: Socket) => this.#secure(socket));
  }

  /** Registers a request. Returns `false` if it must not be processed: its connection is closing, or it has been rejected here. */
  accept(request: IncomingMessage, response: ServerResponse): boolean {
    const connection = connectionOf(request.socket);
    if (connection === undefined) return true;
    if (connection.rejected || connection.ending) return false;
    connection.last = response;
    connection.responder = undefined;
    connection.activeMs = performance.now();
    if (this.#draining) this.closeAfter(request, response);
    // The response has its socket unless it must wait for an earlier one.
    if (response.socket !== null) return true;
    if (connection.pipelined >= MAX_PIPELINED) {
      connection.rejected = true;
      sendProblem(
        response,
        new FaasError("INVALID_REQUEST", `Expected at most ${MAX_PIPELINED} pipelined requests, got more`),
      );
      return false;
    }
    connection.pipelined++;
    response.once("close", () => connection.pipelined--);
    return true;
  }

  /** Closes the connection after the response to this request, and accepts no other on it. */
  closeAfter(request: IncomingMessage, response: ServerResponse): void {
    response.shouldKeepAlive = false;
    const connection = connectionOf(request.socket);
    if (connection) connection.ending = true;
  }

  /** Closes each connection after the response to its next request, or to the one in progress, and says so in the response. */
  announceClose(): void {
    this.#draining = true;
    for (const { last } of this.#all) if (last && !last.headersSent) this.closeAfter(last.req, last);
  }

  /** Number of connections. */
  get size(): number {
    return this.#all.size;
  }

  /** True after `announceClose`. */
  get isDraining(): boolean {
    return this.#draining;
  }

  /** Closes the connections without a request in progress. One that had none yet is closed when it is older than a second: its request may be on the way. */
  closeIdle(): void {
    const oldest = performance.now() - FIRST_REQUEST_MS;
    for (const connection of this.#all)
      if (connection.isIdle && (connection.socket.bytesWritten > 0 || connection.activeMs < oldest))
        this.#drop(connection);
  }

  /** Closes all connections. */
  closeAll(): void {
    for (const connection of this.#all) this.#drop(connection);
  }

  /** Sets the handler of the last request. */
  assign(request: IncomingMessage, responder: Responder): void {
    const connection = connectionOf(request.socket);
    if (connection) connection.responder = responder;
  }

  /** Marks a connection as upgraded: no limits for HTTP apply to it. */
  markUpgraded(request: IncomingMessage): void {
    const connection = connectionOf(request.socket);
    if (connection) connection.upgraded = true;
  }

  /** Responds to a request that must not be processed, and closes the connection after it. */
  reject(request: IncomingMessage, response: ServerResponse, error: FaasError): void {
    const connection = connectionOf(request.socket);
    if (connection) connection.rejected = true;
    sendProblem(response, error);
  }

  /** Rejects input that cannot be parsed, or did not arrive in time. Responses to earlier requests are sent first. */
  rejectInput(socket: Socket, error: FaasError): void {
    const connection = connectionOf(socket);
    if (connection === undefined) return void this.close(socket, error);
    if (connection.rejected) return;
    const { last } = connection;
    if (last === undefined) {
      connection.rejected = true;
      return void this.close(socket, error);
    }
    if (!last.req.complete) {
      // The malformed input is in the body of the last request.
      if (!last.headersSent) return void this.#fail(connection, last, error);
      connection.rejected = true;
      return void this.close(socket);
    }
    connection.rejected = true;
    if (last.writableFinished) this.close(socket, error);
    else last.once("close", () => this.close(socket, error));
  }

  /** Closes a connection, after a response with the error if it can still be sent. */
  close(socket: Socket, error?: FaasError, requestId = newRequestId()): void {
    // node:http does not listen after CONNECT or an upgrade, and an error without a listener would end the server.
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

  /** Responds to a request whose body cannot be read, and closes the connection: at once, or after earlier responses. */
  #fail(connection: ClientConnection, last: ServerResponse, error: FaasError): void {
    const { socket } = connection;
    const isFirst = last.socket !== null;
    // After the response, node:http does not tell readers of the body that it ends.
    socket.once("close", () => last.req.destroy());
    connection.fail(last, error);
    if (isFirst) setImmediate(() => this.close(socket));
  }

  #add(socket: Socket): void {
    const address = addressGroup(socket.remoteAddress);
    const connection = new ClientConnection(socket, address);
    const { total, perAddress } = this.#limits;
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (ofAddress >= perAddress && !this.#closeLongestIdle(address))
      return void this.#turnAway(connection, `${perAddress} connections from ${address}`);
    if (this.#all.size >= total && !this.#closeLongestIdle())
      return void this.#turnAway(connection, `${total} connections`);
    this.#all.add(connection);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    this.#byPeer?.set(connection.peer, connection);
    socket.once("close", () => this.#forget(connection));
    this.#sweep ??= setTimeout(this.#onSweep, this.#timeouts.sweepMs).unref();
  }

  #secure(socket: Socket): void {
    const connection = this.#byPeer?.get(peerOf(socket));
    if (connection === undefined) return void socket.destroy();
    connection.secure(socket);
  }

  /**
   * Closes the connections that have been idle for the longest time: one percent of the idle ones, so that the search costs little per connection. Returns
   * `false` if none is idle.
   */
  #closeLongestIdle(address?: string): boolean {
    const key = address ?? "";
    const now = performance.now();
    // A client that reconnects again and again must not cause a search each time.
    if (now - (this.#noneIdleMs.get(key) ?? Number.NEGATIVE_INFINITY) < IDLE_SEARCH_MS) return false;
    const isAmong = (connection: ClientConnection) => address === undefined || connection.address === address;
    const idle = [...this.#all].filter((connection) => connection.isIdle && isAmong(connection));
    if (idle.length === 0) this.#noneIdleMs.set(key, now);
    idle.sort((a, b) => a.activeMs - b.activeMs);
    for (const connection of idle.slice(0, Math.ceil(idle.length / 100))) this.#drop(connection);
    return idle.length > 0;
  }

  #drop(connection: ClientConnection): void {
    this.#forget(connection);
    connection.rejected = true;
    connection.socket.destroy();
  }

  #turnAway(connection: ClientConnection, limit: string): void {
    connection.rejected = true;
    // No response can be sent before the TLS handshake.
    if (this.#byPeer) return void connection.socket.destroy();
    this.close(
      connection.socket,
      new FaasError("TOO_MANY_CONNECTIONS", `Too many connections (at most ${limit}), all busy: retry shortly`),
    );
  }

  #forget(connection: ClientConnection): void {
    if (!this.#all.delete(connection)) return;
    this.#byPeer?.delete(connection.peer);
    const { address } = connection;
    const remaining = (this.#perAddress.get(address) as number) - 1;
    if (remaining > 0) this.#perAddress.set(address, remaining);
    else this.#perAddress.delete(address);
  }

  readonly #onSweep = () => {
    this.#sweep = undefined;
    const now = performance.now();
    this.#noneIdleMs.clear();
    const { bodyMs } = this.#timeouts;
    for (const connection of this.#all) {
      connection.sweep(now, this.#timeouts, (last) => this.#fail(connection, last, bodyTimeout(bodyMs)));
    }
    if (this.#all.size > 0) this.#sweep = setTimeout(this.#onSweep, this.#timeouts.sweepMs).unref();
  };
}
