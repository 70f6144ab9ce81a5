import {
  type EndpointRef,
  endpointKey,
  FaasError,
  formatResources,
  type LimitNumbers,
  NO_RESOURCES,
  type ReservedResources,
  replaceReserved,
  reservedBy,
  type Settings,
} from "@faas/core";
import { reservedByRecord } from "../state/records.ts";
import type { Store } from "../state/store.ts";

/** Names of the limits, as users set them. */
const limitNames: Readonly<Record<keyof ReservedResources, string>> = {
  endpoints: "endpoints",
  replicas: "replicas",
  cpuMillis: "cpu",
  memoryBytes: "memory",
  diskBytes: "disk",
};
const resources = Object.keys(limitNames) as readonly (keyof ReservedResources)[];

/** Rejects deployments that would exceed the limits of an organization. */
export class QuotaCheck {
  readonly #store: Pick<Store, "org" | "reserved">;
  readonly #limitsOf: (org: string) => LimitNumbers;
  /** Settings of deployments that are not in the store yet, by organization and endpoint: two at once must not share the last free resources. */
  readonly #pending = new Map<string, Map<string, Settings>>();

  constructor(store: Pick<Store, "org" | "reserved">, limitsOf: (org: string) => LimitNumbers) {
    this.#store = store;
    this.#limitsOf = limitsOf;
  }

  /**
   * Reserves the resources of a deployment until the returned function is called: when the store has the deployment, or it failed. A deployment that
   * needs no more than the endpoint had before is never rejected, so that lowered limits keep nobody from deploying an existing endpoint.
   *
   * @throws LIMIT_EXCEEDED
   */
  reserve(ref: EndpointRef, settings: Settings): () => void {
    this.check(ref, settings);
    const pending = this.#pending.get(ref.org) ?? new Map<string, Settings>();
    this.#pending.set(ref.org, pending.set(ref.endpoint, settings));
    return () => {
      if (pending.get(ref.endpoint) === settings) pending.delete(ref.endpoint);
      if (pending.size === 0 && this.#pending.get(ref.org) === pending) this.#pending.delete(ref.org);
    };
  }

  /**
   * Checks that a deployment would fit, without reserving anything.
   *
   * @throws LIMIT_EXCEEDED
   */
  check(ref: EndpointRef, settings: Settings): void {
    const limits = this.#limitsOf(ref.org);
    const limited = resources.filter((resource) => Number.isFinite(limits[resource]));
    if (limited.length === 0) return;
    const pending = this.#pending.get(ref.org) ?? new Map<string, Settings>();
    const endpoints = this.#store.org(ref.org)?.endpoints;
    const stored = (endpoint: string) => reservedByRecord(endpoints?.get(endpoint));
    let others = replaceReserved(this.#store.reserved(ref.org), NO_RESOURCES, stored(ref.endpoint));
    for (const [endpoint, settings] of pending)
      if (endpoint !== ref.endpoint) others = replaceReserved(others, reservedBy(settings), stored(endpoint));
    const pendingSettings = pending.get(ref.endpoint);
    const own = pendingSettings ? reservedBy(pendingSettings) : stored(ref.endpoint);
    const requested = reservedBy(settings);
    // At least one replica has to fit, even when it starts only with the first request.
    const single = reservedBy({ ...settings, replicas: 1 });
    for (const resource of limited) {
      const limit = limits[resource];
      if (others[resource] + requested[resource] > limit && requested[resource] > own[resource])
        throw exceeded(ref, resource, { used: others[resource], asked: requested[resource], allowed: limit });
      if (single[resource] > limit && own === NO_RESOURCES)
        throw exceeded(ref, resource, { used: 0, asked: single[resource], allowed: limit });
    }
  }
}

function exceeded(
  ref: EndpointRef,
  resource: keyof ReservedResources,
  { used, asked, allowed }: { readonly used: number; readonly asked: number; readonly allowed: number },
): FaasError {
  const text = formatResources[resource];
  return new FaasError(
    "LIMIT_EXCEEDED",
    `The limits of the organization "${ref.org}" have no room for ${endpointKey(ref)}: its other endpoints take ${text(used)}, this one asks for ${text(asked)}, and the limit is ${text(allowed)}; "faas org describe ${ref.org}" shows all limits`,
    { extensions: { limit: limitNames[resource], used, asked, allowed } },
  );
}
