import type { EndpointSpec } from "@faas/core";
import type { ServedEndpoint as Served } from "@faas/gateway";

type ServedEndpoint = Served<EndpointSpec>;

/** Time for which calls wait although replicas have free slots, until another replica is started. A replica that refused a connection returns sooner. */
const WAIT_MS = 1_000;
/** Time for which a replica that was started for that reason stays, after it was last needed: the cluster removes those of a lost node by then. */
const KEEP_MS = 90_000;

/** Replicas that an endpoint gets because calls reach none of its present ones. */
interface Additional {
  readonly replicas: number;
  readonly neededMs: number;
}

/**
 * Finds endpoints whose calls wait although their replicas have free slots: gateways reach none of the replicas, because their node is lost. Kubernetes
 * replaces such replicas after more than a minute.
 */
export class StuckCalls {
  readonly #since = new WeakMap<ServedEndpoint, number>();
  readonly #additional = new WeakMap<ServedEndpoint, Additional>();

  /** Samples an endpoint. Returns true when it needs another replica. */
  sample(endpoint: ServedEndpoint, now: number): boolean {
    const { replicas, capacity, totalInFlight, totalWaiting } = endpoint;
    const ready = replicas.length;
    if (totalWaiting === 0 || ready === 0 || totalInFlight >= ready * capacity) {
      this.#since.delete(endpoint);
      return false;
    }
    const since = this.#since.get(endpoint) ?? now;
    this.#since.set(endpoint, since);
    if (now - since < WAIT_MS) return false;
    const before = this.minReplicas(endpoint, now);
    // The replica that was started for them may not be ready yet.
    this.#additional.set(endpoint, { replicas: Math.max(before, ready + 1), neededMs: now });
    return before <= ready;
  }

  /** Returns the replicas that an endpoint needs because calls reach none of the others; 0 if they do. */
  minReplicas(endpoint: ServedEndpoint, now: number): number {
    const additional = this.#additional.get(endpoint);
    return additional !== undefined && now - additional.neededMs < KEEP_MS ? additional.replicas : 0;
  }

  /** Forgets an endpoint without replicas. */
  forget(endpoint: ServedEndpoint): void {
    this.#since.delete(endpoint);
    this.#additional.delete(endpoint);
  }
}
