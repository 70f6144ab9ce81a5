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
import { keptByRecord } from "../state/state.ts";
import type { Store } from "../state/store.ts";

/** What limits are called by who sets them. */
const names: Readonly<Record<keyof ReservedResources, string>> = {
  endpoints: "endpoints",
  replicas: "replicas",
  cpuMillis: "cpu",
  memoryBytes: "memory",
};
const kinds = Object.keys(names) as readonly (keyof ReservedResources)[];

/** Refuses deployments that an organization's limits have no room for. */
export class QuotaCheck {
  readonly #store: Pick<Store, "org" | "kept">;
  readonly #limitsOf: (org: string) => LimitNumbers;
  /** What is being registered and not in the store yet, by organization and endpoint: two at once must not both have the last place. */
  readonly #asked = new Map<string, Map<string, Settings>>();

  constructor(store: Pick<Store, "org" | "kept">, limitsOf: (org: string) => LimitNumbers) {
    this.#store = store;
    this.#limitsOf = limitsOf;
  }

  /**
   * Takes the room for a deployment until the function that it gives is called: when the store has it, or it failed. LIMIT_EXCEEDED; what takes no
   * more than the endpoint had before is never refused, so that limits which were lowered stop nobody from deploying what is there.
   */
  reserve(ref: EndpointRef, settings: Settings): () => void {
    const limits = this.#limitsOf(ref.org);
    const asked = this.#asked.get(ref.org) ?? new Map<string, Settings>();
    const limited = kinds.filter((kind) => Number.isFinite(limits[kind]));
    if (limited.length > 0) this.#check(ref, settings, limits, limited, asked);
    this.#asked.set(ref.org, asked.set(ref.endpoint, settings));
    return () => {
      if (asked.get(ref.endpoint) === settings) asked.delete(ref.endpoint);
      if (asked.size === 0) this.#asked.delete(ref.org);
    };
  }

  #check(
    ref: EndpointRef,
    settings: Settings,
    limits: LimitNumbers,
    limited: readonly (keyof ReservedResources)[],
    asked: ReadonlyMap<string, Settings>,
  ): void {
    const endpoints = this.#store.org(ref.org)?.endpoints;
    const stored = (endpoint: string) => keptByRecord(endpoints?.get(endpoint));
    let others = replaceReserved(this.#store.kept(ref.org), NO_RESOURCES, stored(ref.endpoint));
    for (const [endpoint, pending] of asked)
      if (endpoint !== ref.endpoint) others = replaceReserved(others, reservedBy(pending), stored(endpoint));
    const pending = asked.get(ref.endpoint);
    const own = pending ? reservedBy(pending) : stored(ref.endpoint);
    const wants = reservedBy(settings);
    // Even one replica has to fit, whenever it comes.
    const single = reservedBy({ ...settings, replicas: 1 });
    for (const kind of limited) {
      const limit = limits[kind];
      if (others[kind] + wants[kind] > limit && wants[kind] > own[kind])
        throw exceeded(ref, kind, { used: others[kind], asked: wants[kind], allowed: limit });
      if (single[kind] > limit && own === NO_RESOURCES)
        throw exceeded(ref, kind, { used: 0, asked: single[kind], allowed: limit });
    }
  }
}

function exceeded(
  ref: EndpointRef,
  kind: keyof ReservedResources,
  { used, asked, allowed }: { readonly used: number; readonly asked: number; readonly allowed: number },
): FaasError {
  const text = formatResources[kind];
  return new FaasError(
    "LIMIT_EXCEEDED",
    `The limits of the organization "${ref.org}" have no room for ${endpointKey(ref)}: its other endpoints take ${text(used)}, this one asks for ${text(asked)}, and the limit is ${text(allowed)}; "faas org describe ${ref.org}" shows all limits`,
    { extensions: { limit: names[kind], used, asked, allowed } },
  );
}
