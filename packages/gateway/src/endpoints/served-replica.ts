import type { Replica } from "@faas/core";
import { ConnectionPool } from "../upstream/connection-pool.ts";
import type { SlotHolder } from "./slot-sharing.ts";

/** A replica as the gateway uses it: its connections and its load. */
export class ServedReplica implements SlotHolder {
  readonly id: string;
  readonly address: string;
  readonly revision: string;
  readonly connections: ConnectionPool;
  /** Requests in flight, including open WebSockets. */
  inFlight = 0;
  /** Requests in flight from gateways in other processes, by their latest reports. */
  remoteInFlight = 0;
  /** Requests that this gateway may have in flight on it: all that it processes at a time, or a part that other gateways leave. */
  slots: number;
  contended = false;
  /** The replica failed recently and gets no requests for now. */
  ejected = false;
  /** Failures since its last response. */
  consecutiveFailures = 0;
  /** Time of the last failure of a request that it had accepted: `performance.now()`. */
  failedAt = Number.NEGATIVE_INFINITY;
  /** Requests that ended, successfully or not. */
  completed = 0;
  /** The replica is far slower than its siblings: they are used first. */
  slow = false;
  #draining = false;

  /** @param slots unlimited by default */
  constructor(replica: Replica, slots: number = Number.POSITIVE_INFINITY) {
    this.id = replica.id;
    this.address = replica.address;
    this.revision = replica.revision;
    this.slots = slots;
    this.connections = new ConnectionPool(replica.address, replica.connect);
  }

  /** Requests in flight from all gateways. */
  get totalInFlight(): number {
    return this.inFlight + this.remoteInFlight;
  }

  /** The platform is stopping it: it gets no new requests, and its process ends when those in flight have ended, or at its deadline. */
  get draining(): boolean {
    return this.#draining;
  }

  set draining(draining: boolean) {
    this.#draining = draining;
    // An open connection tells the replica that a request may come.
    this.connections.keepsIdle = !draining;
  }

  get usable(): boolean {
    return !this.ejected && !this.#draining;
  }

  /** Closes its connections: idle ones now, busy ones when their requests end. */
  close(): void {
    this.connections.close();
  }
}
