import type { Replica } from "@faas/core";
import type { Pool } from "undici";
// Not the whole of undici: fetch, caches and WebSockets take megabytes that an idle server would hold.
import ReplicaPool from "undici/lib/dispatcher/pool.js";

/** A replica as the gateway uses it: its connections, and how many requests it is answering. */
export class LiveReplica {
  readonly id: string;
  readonly address: string;
  readonly revision: string;
  readonly pool: Pool;
  /** Requests that it is answering now; open WebSockets count. */
  inFlight = 0;
  /** It refused a connection a moment ago: others are tried first. */
  suspended = false;

  constructor(replica: Replica) {
    this.id = replica.id;
    this.address = replica.address;
    this.revision = replica.revision;
    this.pool = connectionPool(replica.address);
  }

  /** Ends its connections as the requests on them end. */
  close(): void {
    void this.pool.close();
  }
}

/** `unix:<path>` or `host:port`. No limit on connections: the endpoint's concurrency is the limit. */
function connectionPool(address: string): Pool {
  const socketPath = address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
  return new ReplicaPool(socketPath === undefined ? `http://${address}` : "http://localhost", {
    ...(socketPath === undefined ? {} : { socketPath }),
    allowH2: false,
    connectTimeout: 5_000,
    // Replicas close idle connections after 5 s or later; we do it first, so that no request meets a closing one.
    keepAliveTimeout: 4_000,
  });
}
