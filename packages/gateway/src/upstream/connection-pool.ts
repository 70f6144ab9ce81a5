import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { ReplicaSocket } from "@faas/core";
import { parseSocketAddress, type SocketAddress } from "../protocol/socket-address.ts";
import { type ConnectionOwner, ReplicaConnection, type ResponseHandler } from "./connection.ts";
import type { WatchedConnections } from "./reachability.ts";
import type { ReplicaRequest } from "./replica-request.ts";

/** Interval at which idle connections are checked, while there are any. */
const SWEEP_MS = 1_000;
/** Time within which the kernel closes a new connection to a process that is ending: its listener may close after its connections. */
const ENDING_MS = 100;
/** Time limit for a connection that only shows whether a replica accepts any. */
const DIAL_MS = 1_000;
const LOOPBACK = /^(127\.|::1$|localhost$)/;

interface IdleConnection {
  readonly connection: ReplicaConnection;
  /** Time of its expiry: `performance.now()`. */
  readonly until: number;
}

/** Connections to one replica. Their number is not limited here: the endpoint's concurrency limits it. */
export class ConnectionPool implements ConnectionOwner, WatchedConnections {
  readonly address: SocketAddress;
  readonly isRemote: boolean;
  reads = 0;
  /** All connections, idle or not, with those of WebSockets. */
  readonly #open = new Set<ReplicaConnection>();
  /** Used last in, first out: connections that are not needed expire. */
  readonly #idle: IdleConnection[] = [];
  #sweep: NodeJS.Timeout | undefined;
  readonly #connect: (() => Promise<ReplicaSocket>) | undefined;
  #closing = false;
  #keepsIdle = true;

  /**
   * @param address `unix:<path>` or `host:port`
   * @param connect opens a connection to a replica that the platform alone can reach
   */
  constructor(address: string, connect?: () => Promise<ReplicaSocket>) {
    this.address = parseSocketAddress(address);
    this.isRemote = connect === undefined && "host" in this.address && !LOOPBACK.test(this.address.host);
    this.#connect = connect;
  }

  get isClosing(): boolean {
    return this.#closing;
  }

  /** False to close idle connections, now and whenever a request ends. */
  set keepsIdle(keeps: boolean) {
    this.#keepsIdle = keeps;
    if (!keeps) this.#closeIdle();
  }

  /** Sends a request on an idle connection, or on a new one. */
  send(request: ReplicaRequest, handler: ResponseHandler): void {
    // An upgrade needs a new connection: it never returns to the pool.
    const connection = request.upgrade === undefined ? this.#takeIdle() : undefined;
    if (connection) connection.send(request, handler);
    else if (this.#connect === undefined) this.#open.add(new ReplicaConnection(this, request, handler));
    else
      this.#connect().then(
        (socket) => this.#open.add(new ReplicaConnection(this, request, handler, socket as Socket)),
        (error) => handler.failed(error),
      );
  }

  /** Finds out whether the replica still accepts connections, and keeps them open. */
  async accepts(): Promise<boolean> {
    try {
      const socket = await (this.#connect ? this.#connect() : dial(this.address));
      return await staysOpen(socket);
    } catch {
      return false;
    }
  }

  /** Tells whether the replica's host responds to a new connection within a time, even by refusing it. */
  async responds(limitMs: number): Promise<boolean> {
    const socket = connect(this.address);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    // After a time in which this process was busy, the response may be waiting to be read.
    const timer = setTimeout(() => setImmediate(() => resolve(!socket.connecting)), limitMs);
    socket.once("connect", () => resolve(true));
    socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "ECONNREFUSED" || code === "ECONNRESET"));
    const responded = await promise;
    clearTimeout(timer);
    socket.destroy();
    return responded;
  }

  /** Fails those requests in progress that other replicas can process. */
  moveRequests(error: Error): void {
    for (const connection of [...this.#open]) connection.move(error);
  }

  /** Closes all connections; requests in progress fail with this error. */
  abandon(error: Error): void {
    for (const connection of [...this.#open]) connection.abandon(error);
  }

  release(connection: ReplicaConnection, keepMs: number): void {
    if (this.#closing || !this.#keepsIdle) return void connection.close();
    this.#idle.push({ connection, until: performance.now() + keepMs });
    this.#sweep ??= setTimeout(this.#onSweep, SWEEP_MS).unref();
  }

  closed(connection: ReplicaConnection): void {
    this.#open.delete(connection);
    const index = this.#idle.findIndex((idle) => idle.connection === connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /** Closes idle connections now, and the others when their requests end. */
  close(): void {
    this.#closing = true;
    this.#closeIdle();
  }

  #closeIdle(): void {
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }

  #takeIdle(): ReplicaConnection | undefined {
    const idle = this.#idle.pop();
    if (idle === undefined) return undefined;
    if (idle.until > performance.now()) return idle.connection;
    // The ones below it may not have expired yet, but will soon.
    idle.connection.close();
    return undefined;
  }

  readonly #onSweep = () => {
    const now = performance.now();
    this.#sweep = undefined;
    for (const { connection } of this.#idle.filter(({ until }) => until <= now)) connection.close();
    if (this.#idle.length > 0) this.#sweep = setTimeout(this.#onSweep, SWEEP_MS).unref();
  };
}

async function dial(address: SocketAddress): Promise<Socket> {
  const socket = connect(address);
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(DIAL_MS) });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Waits whether a new connection is closed at once, and closes it. */
async function staysOpen(socket: ReplicaSocket): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, ENDING_MS, true);
  socket.on("error", () => resolve(false));
  socket.on("end", () => resolve(false));
  socket.on("close", () => resolve(false));
  socket.resume();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
