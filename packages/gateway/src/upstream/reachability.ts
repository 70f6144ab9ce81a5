/** Samples without a byte from a replica, with requests in flight, after which its host is probed. */
const SILENT_SAMPLES = 3;
/** Time without a response to a probe after which the replica gets no requests: a host in the same cluster responds within a millisecond. */
const DOUBT_MS = 150;
const PROBE_MS = 1_000;
/** Consecutive probes without a response after which requests go to another replica, if they can. A single packet may be lost. */
const MOVE_AFTER = 2;
/** Consecutive probes without a response after which the other requests fail, and streams and WebSockets end. A network may return. */
const ABANDON_AFTER = 10;

/** Connections to a replica, as they are watched. */
export interface WatchedConnections {
  /** True if packets to the replica can be lost: it is on another machine. */
  readonly isRemote: boolean;
  /** Number of times that something was received. */
  readonly reads: number;
  /** True after the replica was removed. */
  readonly isClosing: boolean;
  /** Tells whether the replica's host responds to a new connection within a time, even by refusing it. */
  responds(limitMs: number): Promise<boolean>;
  /** Fails those requests in flight that other replicas can process. */
  moveRequests(error: Error): void;
  /** Fails all requests in flight. */
  abandon(error: Error): void;
}

export interface WatchedReplica {
  readonly inFlight: number;
  readonly connections: WatchedConnections;
}

/** Replicas of which some may get no requests for a while. */
export interface WatchedEndpoint<R extends WatchedReplica> {
  readonly replicas: readonly R[];
  /** Sends no requests to a replica until `restore`. */
  suspend(replica: R): void;
  restore(replica: R): void;
}

interface ReplicaState {
  reads: number;
  silentSamples: number;
  probing: boolean;
  /** Time of the next probe, at the earliest. */
  probeAtMs: number;
}

/**
 * Finds replicas whose host is lost: its network is cut, or its power failed. Nothing closes their connections then: without a probe, requests would wait for
 * a response until their timeout, and more would be sent.
 */
export class ReachabilityMonitor<R extends WatchedReplica> {
  readonly #states = new WeakMap<R, ReplicaState>();

  /** Samples the replicas of an endpoint; to be called ten times per second. */
  sample(endpoint: WatchedEndpoint<R>, nowMs: number): void {
    for (const replica of endpoint.replicas) {
      if (replica.inFlight === 0 || !replica.connections.isRemote) continue;
      const state = this.#of(replica);
      const { reads } = replica.connections;
      if (state.reads !== reads) {
        state.reads = reads;
        state.silentSamples = 0;
      } else if (!state.probing && ++state.silentSamples >= SILENT_SAMPLES && nowMs >= state.probeAtMs) {
        state.probeAtMs = nowMs + PROBE_MS;
        void this.#probe(endpoint, replica, state);
      }
    }
  }

  /** Probes the host of a replica until it responds, or the replica is removed. */
  async #probe(endpoint: WatchedEndpoint<R>, replica: R, state: ReplicaState): Promise<void> {
    const { connections } = replica;
    state.probing = true;
    let suspended = false;
    const doubt = setTimeout(() => {
      suspended = true;
      endpoint.suspend(replica);
    }, DOUBT_MS).unref();
    for (let unanswered = 1; !connections.isClosing; unanswered++) {
      const beganMs = performance.now();
      if ((await connections.responds(PROBE_MS)) || connections.reads !== state.reads) break;
      const error = new Error("the replica's host does not respond");
      if (unanswered >= ABANDON_AFTER) connections.abandon(error);
      else if (unanswered >= MOVE_AFTER) connections.moveRequests(error);
      // The network may report at once that there is no route.
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, PROBE_MS - (performance.now() - beganMs)).unref();
      await promise;
    }
    clearTimeout(doubt);
    state.probing = false;
    state.silentSamples = 0;
    if (suspended) endpoint.restore(replica);
  }

  #of(replica: R): ReplicaState {
    let state = this.#states.get(replica);
    if (!state) {
      state = { reads: replica.connections.reads, silentSamples: 0, probing: false, probeAtMs: 0 };
      this.#states.set(replica, state);
    }
    return state;
  }
}
