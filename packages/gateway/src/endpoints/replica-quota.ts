import type { EndpointSpec } from "@faas/core";
import { formatResources, type ReservedResources } from "@faas/core";
import type { ServedEndpoint } from "./served-endpoint.ts";

/** What replicas take, of one endpoint or of all of an organization. */
export type ReplicaResources = Omit<ReservedResources, "endpoints">;

const KINDS = ["replicas", "cpuMillis", "memoryBytes"] as const;
type Kind = (typeof KINDS)[number];

export interface ReplicaQuota {
  /** At most as many as were wanted. */
  readonly replicas: number;
  /** What stands against more; undefined: nothing. */
  readonly limit?: string;
}

/** What so many replicas of the endpoint take. */
export const resourcesOf = ({ cpuMillis, memoryBytes }: EndpointSpec, replicas: number): ReplicaResources => ({
  replicas,
  cpuMillis: cpuMillis * replicas,
  memoryBytes: memoryBytes * replicas,
});

/**
 * How many replicas the endpoint may have. What the settings of each endpoint say (`replicas`) is kept for it, even while it has none: nobody scales at the cost of
 * another's first replica. What is left goes to who wants it first. Where limits were lowered below what is kept, the first ones get it.
 */
export function replicaQuota(endpoint: ServedEndpoint, wanted: number): ReplicaQuota {
  const { limits, endpoints } = endpoint.org;
  const kinds = KINDS.filter((kind) => Number.isFinite(limits[kind]));
  if (kinds.length === 0 || wanted === 0) return { replicas: wanted };
  const { spec } = endpoint;
  const own = resourcesOf(spec, 1);
  let best: ReplicaQuota = { replicas: wanted };
  for (const kind of kinds) {
    let has = 0;
    let kept = 0;
    for (const other of endpoints) {
      if (other === endpoint) continue;
      const each = resourcesOf(other.spec, 1)[kind];
      has += other.desired * each;
      kept += Math.max(other.desired, other.spec.replicas) * each;
    }
    const fits = (taken: number) => Math.max(0, Math.floor((limits[kind] - taken) / own[kind]));
    const replicas = Math.max(Math.min(spec.replicas, fits(has)), fits(kept));
    if (replicas < best.replicas) best = { replicas, limit: textOf(kind, limits[kind], kept) };
  }
  return best;
}

const textOf = (kind: Kind, limit: number, kept: number) =>
  `the organization's limit is ${formatResources[kind](limit)}, and its other endpoints have, or are kept, ${formatResources[kind](kept)}`;
