import type { Replica } from "@faas/core";
import { ReplicaConnections } from "../upstream/connection-pool.ts";

/** A replica as the gateway uses it: its connections, and how many requests it is answering. */
export class ServedReplica {
  readonly id: string;
  readonly address: string;
  readonly revision: string;
  readonly connections: ReplicaConnections;
  /** Requests that it is answering now; open WebSockets count. */
  inFlight = 0;
  /** It failed a moment ago: it gets no request for a while. */
  suspended = false;
  /** Failures since its last answer. */
  failures = 0;
  /** Requests that ended, however they did. */
  ended = 0;
  /** It answers far slower than its siblings: they come first. */
  slow = false;

  constructor(replica: Replica) {
    this.id = replica.id;
    this.address = replica.address;
    this.revision = replica.revision;
    this.connections = new ReplicaConnections(replica.address);
  }

  /** Ends its connections as the requests on them end. */
  close(): void {
    this.connections.close();
  }
}
