import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import type { EndpointLoad } from "../protocol/messages.ts";

/** Last report about an endpoint that has calls. */
interface Reported {
  inFlight: number;
  waiting: number;
}

/** Finds the endpoints whose load changed since the last report. */
export class LoadReporter {
  readonly #registry: EndpointRegistry;
  readonly #reported = new Map<ServedEndpoint, Reported>();
  /** Calls that ended since the last report. */
  readonly #ended = new Map<ServedEndpoint, number>();

  constructor(registry: EndpointRegistry) {
    this.#registry = registry;
  }

  /** Counts a call that ended. Runs for every call. */
  countEnded(endpoint: ServedEndpoint): void {
    this.#ended.set(endpoint, (this.#ended.get(endpoint) ?? 0) + 1);
  }

  /** Includes an endpoint in the next report although it has no replicas: calls wait for the first one. */
  include(endpoint: ServedEndpoint): void {
    if (!this.#ended.has(endpoint)) this.#ended.set(endpoint, 0);
  }

  /** Reports everything again: the control server knows nothing of earlier reports. */
  reset(): void {
    for (const endpoint of this.#reported.keys()) this.include(endpoint);
    this.#reported.clear();
  }

  /** Returns the loads that changed. */
  take(): EndpointLoad[] {
    const loads: EndpointLoad[] = [];
    const candidates = new Set([...this.#reported.keys(), ...this.#ended.keys()]);
    for (const endpoint of this.#registry.awake)
      if (endpoint.inFlight > 0 || endpoint.waiting > 0) candidates.add(endpoint);
    for (const endpoint of candidates) this.#report(endpoint, loads);
    this.#ended.clear();
    return loads;
  }

  #report(endpoint: ServedEndpoint, loads: EndpointLoad[]): void {
    const { inFlight, waiting } = endpoint;
    const before = this.#reported.get(endpoint);
    const active = (before?.inFlight ?? 0) + (before?.waiting ?? 0);
    const arrivals = Math.max(0, inFlight + waiting - active + (this.#ended.get(endpoint) ?? 0));
    if (inFlight + waiting > 0) this.#reported.set(endpoint, { inFlight, waiting });
    else this.#reported.delete(endpoint);
    if (before?.inFlight === inFlight && before.waiting === waiting && arrivals === 0) return;
    if (before === undefined && inFlight + waiting + arrivals === 0) return;
    loads.push([endpoint.key, inFlight, waiting, arrivals, ...busyReplicas(endpoint)]);
  }
}

/** Returns the calls in flight on each replica that has some, unless there are none. */
function busyReplicas({ replicas, inFlight }: ServedEndpoint): [Record<string, number>] | [] {
  if (inFlight === 0) return [];
  return [Object.fromEntries(replicas.filter((each) => each.inFlight > 0).map((each) => [each.id, each.inFlight]))];
}
