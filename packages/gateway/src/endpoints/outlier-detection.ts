import { ReachabilityMonitor } from "../upstream/reachability.ts";
import type { ServedEndpoint } from "./served-endpoint.ts";
import type { ServedReplica } from "./served-replica.ts";

/** Factor by which sums shrink with each sample: about the last five seconds count. */
const DECAY = 0.98;
/** A replica this many times slower than the median of the others is slow. */
const SLOW_FACTOR = 5;
/** Lower bound of the median, in samples per request: very short durations are not compared. */
const MIN_MEDIAN = 0.1;
/** Sum of requests in flight over the samples that a replica needs before it can be found slow. */
const MIN_IN_FLIGHT = 5;
/** Completed requests that a replica needs before others are compared with it. */
const MIN_COMPLETED = 5;
const FIRST_MS = 10_000;
const MAX_MS = 60_000;

interface ReplicaStatistics {
  /** Decaying sum of the requests in flight over all samples. */
  inFlight: number;
  /** Decaying sum of the requests that completed. */
  completed: number;
  completedBefore: number;
  /** End of its time as slow. */
  slowUntilMs: number;
  slowForMs: number;
}

/**
 * Finds replicas that respond far slower than their siblings, without timing requests: the requests in flight, divided by those that complete in a time, are the
 * duration of a request (Little's law). A replica that is found slow by mistake, for example because of long streams, is still used when the others are full. At
 * most half of the replicas are slow.
 */
export class OutlierDetector {
  readonly #statistics = new WeakMap<ServedReplica, ReplicaStatistics>();
  readonly #reachability = new ReachabilityMonitor<ServedReplica>();

  /** Samples the load of an endpoint, and probes hosts that are silent; to be called ten times per second. */
  sample(endpoint: Pick<ServedEndpoint, "replicas" | "suspend" | "restore">): void {
    this.#reachability.sample(endpoint, performance.now());
    const { replicas } = endpoint;
    if (replicas.length < 2) return;
    for (const replica of replicas) {
      const statistics = this.#of(replica);
      statistics.inFlight = statistics.inFlight * DECAY + replica.inFlight;
      statistics.completed = statistics.completed * DECAY + (replica.completed - statistics.completedBefore);
      statistics.completedBefore = replica.completed;
    }
  }

  /** Decides which replicas of an endpoint are slow. */
  detect({ replicas }: Pick<ServedEndpoint, "replicas">, now: number): void {
    if (replicas.length < 2) {
      for (const replica of replicas) replica.slow = false;
      return;
    }
    let slow = 0;
    for (const replica of replicas) {
      if (replica.slow && now >= this.#of(replica).slowUntilMs) this.#unmark(replica);
      if (replica.slow) slow++;
    }
    const usual = median(
      replicas
        .filter((replica) => !replica.slow && this.#of(replica).completed >= MIN_COMPLETED)
        .map((replica) => this.#duration(replica)),
    );
    if (usual === undefined) return;
    for (const replica of replicas) {
      if (slow >= Math.floor(replicas.length / 2)) return;
      if (
        replica.slow ||
        this.#of(replica).inFlight < MIN_IN_FLIGHT ||
        this.#duration(replica) < SLOW_FACTOR * Math.max(usual, MIN_MEDIAN)
      )
        continue;
      slow++;
      this.#mark(replica, now);
    }
  }

  /** Returns the duration of a request, in samples. */
  #duration(replica: ServedReplica): number {
    const { inFlight, completed } = this.#of(replica);
    return inFlight / Math.max(completed, 1);
  }

  #mark(replica: ServedReplica, now: number): void {
    const statistics = this.#of(replica);
    replica.slow = true;
    const isRepeated = now - statistics.slowUntilMs < statistics.slowForMs;
    statistics.slowForMs = isRepeated ? Math.min(statistics.slowForMs * 2, MAX_MS) : FIRST_MS;
    statistics.slowUntilMs = now + statistics.slowForMs;
  }

  #unmark(replica: ServedReplica): void {
    const statistics = this.#of(replica);
    replica.slow = false;
    statistics.inFlight = 0;
    statistics.completed = 0;
  }

  #of(replica: ServedReplica): ReplicaStatistics {
    let statistics = this.#statistics.get(replica);
    if (!statistics) {
      statistics = {
        inFlight: 0,
        completed: 0,
        completedBefore: replica.completed,
        slowUntilMs: Number.NEGATIVE_INFINITY,
        slowForMs: 0,
      };
      this.#statistics.set(replica, statistics);
    }
    return statistics;
  }
}

/** Returns the median; of two values in the middle the lower one: with one fast and one slow replica, the fast one is usual. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}
