import {
  type ConnectionOwner,
  type ReplicaAddress,
  type ReplicaAnswer,
  ReplicaConnection,
  type ReplicaRequest,
} from "./connection.ts";

/** How often idle connections are looked through, while there are any. */
const SWEEP_MS = 1_000;

interface Idle {
  readonly connection: ReplicaConnection;
  /** `performance.now()`. */
  readonly until: number;
}

/** The connections to one replica. No limit on their number: the endpoint's concurrency is the limit. */
export class ReplicaConnections implements ConnectionOwner {
  readonly address: ReplicaAddress;
  /** Last used, first used again: what is not needed gets old, and is closed. */
  readonly #idle: Idle[] = [];
  #sweep: NodeJS.Timeout | undefined;
  #closing = false;

  /** @param address `unix:<path>` or `host:port` */
  constructor(address: string) {
    this.address = parseAddress(address);
  }

  send(request: ReplicaRequest, answer: ReplicaAnswer): void {
    // One that has to be handed over is a new one.
    const connection = request.upgrade === undefined ? this.#reusable() : undefined;
    if (connection) connection.send(request, answer);
    else new ReplicaConnection(this, request, answer);
  }

  free(connection: ReplicaConnection, keepMs: number): void {
    if (this.#closing) return void connection.close();
    this.#idle.push({ connection, until: performance.now() + keepMs });
    this.#sweep ??= setTimeout(this.#onSweep, SWEEP_MS).unref();
  }

  closed(connection: ReplicaConnection): void {
    const index = this.#idle.findIndex((idle) => idle.connection === connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /** Closes the idle ones now, and the others as the requests on them end. */
  close(): void {
    this.#closing = true;
    clearTimeout(this.#sweep);
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }

  #reusable(): ReplicaConnection | undefined {
    const idle = this.#idle.pop();
    if (idle === undefined) return undefined;
    if (idle.until > performance.now()) return idle.connection;
    // Those under it may be good for longer, but not by much.
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

function parseAddress(address: string): ReplicaAddress {
  if (address.startsWith("unix:")) return { path: address.slice("unix:".length) };
  // The host of an IPv6 address is in brackets.
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
