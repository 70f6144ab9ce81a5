import {
  type EndpointRef,
  endpointKey,
  FaasError,
  formatSize,
  type LimitNumbers,
  parseCpu,
  parseSize,
  type Settings,
} from "@faas/core";
import type { Store } from "./store.ts";

/** What endpoints are kept by their settings, whether they have it at the moment or not. */
interface Kept {
  readonly endpoints: number;
  readonly replicas: number;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}
type Kind = keyof Kept;

const NOTHING: Kept = { endpoints: 0, replicas: 0, cpuMillis: 0, memoryBytes: 0 };

/** Of settings, which never change; 10,000 endpoints are not parsed again for each that is registered. */
const known = new WeakMap<Settings, Kept>();

/** An endpoint that has no replica until its first request is kept none. */
function keptBy(settings: Settings): Kept {
  let kept = known.get(settings);
  if (!kept) {
    const { replicas, cpu, memory } = settings;
    kept = {
      endpoints: 1,
      replicas,
      cpuMillis: replicas * (parseCpu(cpu) ?? 0),
      memoryBytes: replicas * (parseSize(memory) ?? 0),
    };
    known.set(settings, kept);
  }
  return kept;
}

const counted = (noun: string) => (value: number) => `${value} ${noun}${value === 1 ? "" : "s"}`;

const kinds: Readonly<Record<Kind, { readonly name: string; readonly text: (value: number) => string }>> = {
  endpoints: { name: "endpoints", text: counted("endpoint") },
  replicas: { name: "replicas", text: counted("replica") },
  cpuMillis: { name: "cpu", text: (value) => `${value}m CPU` },
  memoryBytes: { name: "memory", text: (value) => `${formatSize(value)} memory` },
};

/** Refuses deployments that an organization's limits have no room for. */
export class DeployLimits {
  readonly #store: Pick<Store, "org">;
  readonly #limitsOf: (org: string) => LimitNumbers;
  /** What is being registered and not in the store yet, by organization and endpoint: two at once must not both have the last place. */
  readonly #asked = new Map<string, Map<string, Settings>>();

  constructor(store: Pick<Store, "org">, limitsOf: (org: string) => LimitNumbers) {
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
    const limited = (Object.keys(kinds) as Kind[]).filter((kind) => Number.isFinite(limits[kind]));
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
    limited: readonly Kind[],
    asked: ReadonlyMap<string, Settings>,
  ): void {
    const others = { ...NOTHING } as Record<Kind, number>;
    let own = NOTHING;
    const count = (endpoint: string, kept: Kept) => {
      if (endpoint === ref.endpoint) own = kept;
      else for (const kind of limited) others[kind] += kept[kind];
    };
    const records = this.#store.org(ref.org)?.endpoints ?? new Map();
    for (const [endpoint, { current, candidate }] of records)
      count(endpoint, keptBy(asked.get(endpoint) ?? (candidate ?? current).settings));
    for (const [endpoint, each] of asked) if (!records.has(endpoint)) count(endpoint, keptBy(each));
    const wants = keptBy(settings);
    // Even one replica has to fit, whenever it comes.
    const single = keptBy({ ...settings, replicas: 1 });
    for (const kind of limited) {
      const limit = limits[kind];
      if (others[kind] + wants[kind] > limit && wants[kind] > own[kind])
        throw exceeded(ref, kind, { used: others[kind], asked: wants[kind], allowed: limit });
      if (single[kind] > limit && own === NOTHING)
        throw exceeded(ref, kind, { used: 0, asked: single[kind], allowed: limit });
    }
  }
}

function exceeded(
  ref: EndpointRef,
  kind: Kind,
  { used, asked, allowed }: { readonly used: number; readonly asked: number; readonly allowed: number },
): FaasError {
  const { name, text } = kinds[kind];
  return new FaasError(
    "LIMIT_EXCEEDED",
    `The limits of the organization "${ref.org}" have no room for ${endpointKey(ref)}: its other endpoints take ${text(used)}, this one asks for ${text(asked)}, and the limit is ${text(allowed)}; "faas org describe ${ref.org}" shows all limits`,
    { extensions: { limit: name, used, asked, allowed } },
  );
}
