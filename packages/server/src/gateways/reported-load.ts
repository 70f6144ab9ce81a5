import type { EndpointLoad, EndpointRegistry, ServedEndpoint, ServedReplica } from "@faas/gateway";

interface EndpointTotals {
  inFlight: number;
  waiting: number;
  replicas: ReadonlyMap<ServedReplica, number>;
}

const NO_REPLICAS: ReadonlyMap<ServedReplica, number> = new Map();

/** Load that one gateway has reported, as part of the totals of its endpoints. */
export class ReportedLoad {
  readonly #registry: EndpointRegistry;
  readonly #endpoints = new Map<ServedEndpoint, EndpointTotals>();

  constructor(registry: EndpointRegistry) {
    this.#registry = registry;
  }

  /** Calls in flight and waiting at the gateway. */
  get totals(): { readonly inFlight: number; readonly waiting: number } {
    let inFlight = 0;
    let waiting = 0;
    for (const each of this.#endpoints.values()) {
      inFlight += each.inFlight;
      waiting += each.waiting;
    }
    return { inFlight, waiting };
  }

  /** Takes a report over. @param nowMs milliseconds since the epoch */
  apply([key, inFlight, waiting, arrivals, replicas]: EndpointLoad, nowMs: number): void {
    const endpoint = this.#registry.get(key);
    if (endpoint === undefined) return;
    const before = this.#endpoints.get(endpoint);
    const wasActive = before !== undefined && before.inFlight + before.waiting > 0;
    if (arrivals > 0 || wasActive || inFlight + waiting > 0) endpoint.lastRequestMs = nowMs;
    this.#set(endpoint, { inFlight, waiting, replicas: this.#replicasOf(endpoint, replicas) });
  }

  /** Takes everything back that was reported. */
  clear(): void {
    for (const endpoint of [...this.#endpoints.keys()]) this.forget(endpoint);
  }

  /** Takes back what was reported of one endpoint. */
  forget(endpoint: ServedEndpoint): void {
    this.#set(endpoint, { inFlight: 0, waiting: 0, replicas: NO_REPLICAS });
  }

  #set(endpoint: ServedEndpoint, totals: EndpointTotals): void {
    const before = this.#endpoints.get(endpoint);
    endpoint.remoteInFlight += totals.inFlight - (before?.inFlight ?? 0);
    endpoint.remoteWaiting += totals.waiting - (before?.waiting ?? 0);
    for (const [replica, count] of before?.replicas ?? []) replica.remoteInFlight -= count;
    for (const [replica, count] of totals.replicas) replica.remoteInFlight += count;
    if (totals.inFlight + totals.waiting > 0) this.#endpoints.set(endpoint, totals);
    else this.#endpoints.delete(endpoint);
  }

  #replicasOf({ replicas }: ServedEndpoint, counts: EndpointLoad[4]): EndpointTotals["replicas"] {
    if (counts === undefined) return NO_REPLICAS;
    return new Map(
      replicas.flatMap((replica) => (counts[replica.id] ? [[replica, counts[replica.id] as number]] : [])),
    );
  }
}
