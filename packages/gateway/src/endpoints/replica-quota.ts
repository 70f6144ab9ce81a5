import {
  type EndpointSpec,
  FaasError,
  formatResources,
  type LimitNumbers,
  type ReservedResources,
  warmest,
} from "@faas/core";

/** Resources of the replicas of an endpoint or of an organization. */
export type ReplicaResources = Omit<ReservedResources, "endpoints">;

const RESOURCES = ["replicas", "cpuMillis", "memoryBytes", "diskBytes"] as const;
type Resource = (typeof RESOURCES)[number];
/** Without `diskBytes`, it comes from an older control server. */
type ReplicaSpec = Pick<EndpointSpec, "replicas" | "cpuMillis" | "memoryBytes"> &
  Partial<Pick<EndpointSpec, "diskBytes">>;

/** An endpoint as far as it uses resources. */
export interface ResourceUser {
  readonly spec: ReplicaSpec;
  /** Replicas that the platform was asked to run. */
  readonly desired: number;
}

/** Number of replicas that an endpoint may have. */
export interface ReplicaQuota {
  /** At most the requested number. */
  readonly replicas: number;
  /** The limit that allows no more; undefined when all are allowed. */
  readonly limit?: string;
}

/** Returns the replicas of an endpoint in use: what its settings say, at least one. */
export function minReplicas(spec: Pick<EndpointSpec, "replicas">): number {
  return Math.max(1, spec.replicas);
}

/** Returns the largest number of replicas that an endpoint may be scaled to. */
export function maxReplicas(spec: Pick<EndpointSpec, "replicas" | "maxReplicas" | "warm" | "scaler">): number {
  if (spec.scaler !== "fixed") return Math.max(1, spec.maxReplicas);
  return Math.max(minReplicas(spec), Math.min(spec.maxReplicas, warmest(spec.warm ?? [])));
}

/** Running totals of the resources that the endpoints of one organization use. Updated on every change, so that no request has to add them up. */
export class ReplicaUsage {
  readonly #desired = { replicas: 0, cpuMillis: 0, memoryBytes: 0, diskBytes: 0 };
  readonly #reserved = { replicas: 0, cpuMillis: 0, memoryBytes: 0, diskBytes: 0 };

  /** Resources of all desired replicas. */
  get desired(): ReplicaResources {
    return this.#desired;
  }

  /** Resources of the desired replicas, or of those in an endpoint's settings where these are more: they are reserved even while it has none. */
  get reserved(): ReplicaResources {
    return this.#reserved;
  }

  /** Counts an endpoint in. */
  add({ spec, desired }: ResourceUser): void {
    this.#count(spec, desired, 1);
  }

  /** Counts an endpoint out; to be called before its spec or number of replicas changes, and when it is removed. */
  subtract({ spec, desired }: ResourceUser): void {
    this.#count(spec, desired, -1);
  }

  #count(spec: ReplicaSpec, desired: number, sign: 1 | -1): void {
    const reserved = Math.max(desired, spec.replicas);
    for (const resource of RESOURCES) {
      const each = perReplica(spec, resource) * sign;
      this.#desired[resource] += desired * each;
      this.#reserved[resource] += reserved * each;
    }
  }
}

/**
 * Computes how many replicas an endpoint may have. The replicas in its settings are reserved for it: no other endpoint can scale at their expense. The rest goes
 * to the endpoint that asks first. When limits were lowered below what is reserved, the endpoints that start first get it.
 * @param usage of the organization, with this endpoint counted in
 */
export function replicaQuota(
  limits: LimitNumbers,
  usage: ReplicaUsage,
  { spec, desired }: ResourceUser,
  wanted: number,
): ReplicaQuota {
  let best: ReplicaQuota = { replicas: wanted };
  if (wanted === 0) return best;
  for (const resource of RESOURCES) {
    const limit = limits[resource];
    if (!Number.isFinite(limit)) continue;
    const each = perReplica(spec, resource);
    const othersDesired = usage.desired[resource] - desired * each;
    const othersReserved = usage.reserved[resource] - Math.max(desired, spec.replicas) * each;
    const fitting = (used: number) => Math.max(0, Math.floor((limit - used) / each));
    const replicas = Math.max(Math.min(spec.replicas, fitting(othersDesired)), fitting(othersReserved));
    if (replicas < best.replicas) best = { replicas, limit: limitText(resource, limit, othersReserved) };
  }
  return best;
}

/** Builds the error for an endpoint whose first replica a limit does not allow. */
export const replicasLimited = (key: string, limit: string | undefined): FaasError =>
  new FaasError("REPLICAS_LIMITED", `No replica of ${key} can be started: ${limit}`, { extensions: { limit } });

const perReplica = (spec: ReplicaSpec, resource: Resource) => (resource === "replicas" ? 1 : (spec[resource] ?? 0));

const limitText = (resource: Resource, limit: number, reserved: number) =>
  `the organization's limit is ${formatResources[resource](limit)}, and its other endpoints have or reserve ${formatResources[resource](reserved)}`;
