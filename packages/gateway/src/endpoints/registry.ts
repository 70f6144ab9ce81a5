import {
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  FaasError,
  type LimitNumbers,
  limitNumbers,
  type Platform,
} from "@faas/core";
import { OrganizationRuntime } from "./organization-runtime.ts";
import { replicaQuota } from "./replica-quota.ts";
import { ServedEndpoint } from "./served-endpoint.ts";

export { ServedEndpoint } from "./served-endpoint.ts";
export { ServedReplica } from "./served-replica.ts";

/** Where problems of the background work go; a pino logger fits. */
export interface EndpointsLog {
  warn(fields: object, message: string): void;
}

export interface EndpointsOptions {
  readonly platform: Pick<Platform, "scale">;
  readonly log: EndpointsLog;
  /** Limits of an organization; by default, none but those that every server has. */
  readonly limitsOf?: (org: string) => LimitNumbers;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Called when an endpoint joins `awake`. */
  readonly onAwake?: (endpoint: ServedEndpoint) => void;
  /** Called when an endpoint was removed. */
  readonly onRemoved?: (endpoint: ServedEndpoint) => void;
}

/**
 * The endpoints that are served, in memory: what is wanted (spec, number of replicas), what was observed, and the requests
 * under way. The control part fills it; the gateway, the scaler and the idle sweep read it. All replica numbers go
 * through `scale` here, so that `desired` is what the platform was told last.
 */
export class EndpointRegistry {
  readonly #platform: Pick<Platform, "scale">;
  readonly #log: EndpointsLog;
  readonly #now: () => number;
  readonly #live = new Map<string, ServedEndpoint>();
  readonly #limitsOf: (org: string) => LimitNumbers;
  /** Those that have endpoints. */
  readonly #orgs = new Map<string, OrganizationRuntime>();
  /** The list observed last, and the same by key: a status may come before the endpoint is put. */
  #observed: readonly EndpointStatus[] = [];
  readonly #statuses = new Map<string, EndpointStatus>();
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Endpoints that have or want replicas: the ones that can become idle. */
  readonly awake = new Set<ServedEndpoint>();
  readonly #onAwake: ((endpoint: ServedEndpoint) => void) | undefined;
  readonly #onRemoved: ((endpoint: ServedEndpoint) => void) | undefined;

  constructor(options: EndpointsOptions) {
    this.#platform = options.platform;
    this.#log = options.log;
    this.#limitsOf = options.limitsOf ?? (() => limitNumbers({}));
    this.#now = options.now ?? Date.now;
    this.#onAwake = options.onAwake;
    this.#onRemoved = options.onRemoved;
  }

  get size(): number {
    return this.#live.size;
  }

  /** `key` is "org/endpoint". */
  get(key: string): ServedEndpoint | undefined {
    return this.#live.get(key);
  }

  values(): IterableIterator<ServedEndpoint> {
    return this.#live.values();
  }

  /** Whether the organization has an endpoint here. */
  hasOrg(org: string): boolean {
    return this.#orgs.has(org);
  }

  /** Undefined while it has no endpoint. */
  org(name: string): OrganizationRuntime | undefined {
    return this.#orgs.get(name);
  }

  /** The organization's limits are others from now on. Replicas that are over them go; what wants more gets it at its next decision. */
  limitsChanged(name: string): void {
    const org = this.#orgs.get(name);
    if (!org) return;
    org.limits = this.#limitsOf(name);
    for (const endpoint of org.endpoints) {
      if (endpoint.desired === 0) continue;
      // Those that had fewer than their settings say have room now.
      const wanted = Math.max(endpoint.desired, minReplicas(endpoint.spec));
      const { replicas, limit } = replicaQuota(endpoint, wanted);
      if (replicas !== endpoint.desired || limit !== undefined) this.scale(endpoint, wanted);
    }
  }

  /**
   * Adds an endpoint, or replaces the spec that is served and keeps counters and replicas. Tells the platform nothing,
   * except a number of replicas when the running one is out of the new spec's bounds.
   */
  put(spec: EndpointSpec): ServedEndpoint {
    const key = endpointKey(spec);
    let endpoint = this.#live.get(key);
    if (endpoint === undefined) {
      const org = this.#orgs.get(spec.org) ?? new OrganizationRuntime(spec.org, this.#limitsOf(spec.org));
      endpoint = new ServedEndpoint(key, spec, this.#now(), org);
      this.#live.set(key, endpoint);
      this.#orgs.set(spec.org, org);
      org.endpoints.add(endpoint);
      const status = this.#statuses.get(key);
      if (status) this.#update(endpoint, status);
      return endpoint;
    }
    endpoint.spec = spec;
    if (endpoint.desired > 0) {
      const within = Math.min(Math.max(endpoint.desired, minReplicas(spec)), maxReplicas(spec));
      if (within !== endpoint.desired) this.scale(endpoint, within);
    }
    endpoint.serve();
    return endpoint;
  }

  /** Forgets it. Requests that wait get ENDPOINT_NOT_FOUND; those in flight finish. */
  delete(ref: EndpointRef): void {
    const key = endpointKey(ref);
    const endpoint = this.#live.get(key);
    if (endpoint === undefined) return;
    this.#live.delete(key);
    this.awake.delete(endpoint);
    endpoint.org.endpoints.delete(endpoint);
    if (endpoint.org.endpoints.size === 0) this.#orgs.delete(ref.org);
    endpoint.desired = 0;
    endpoint.removed = true;
    endpoint.observe(undefined);
    endpoint.refuseAll(new FaasError("ENDPOINT_NOT_FOUND", `The endpoint ${key} was removed while the request waited`));
    this.#onRemoved?.(endpoint);
    this.#announce(key);
  }

  /** Whether the platform has told of the endpoint in its last list. */
  isObserved(key: string): boolean {
    return this.#statuses.has(key);
  }

  /**
   * Takes a whole list of `platform.watch()`, and gives what is not where it was in the list before. An endpoint that did not change
   * is the same object as then, and costs one comparison.
   */
  observe(statuses: readonly EndpointStatus[]): readonly EndpointStatus[] {
    const before = this.#observed;
    this.#observed = statuses;
    const came: EndpointStatus[] = [];
    const went: EndpointStatus[] = before.slice(statuses.length);
    for (let index = 0; index < statuses.length; index++) {
      const status = statuses[index] as EndpointStatus;
      const former = before[index];
      if (status === former) continue;
      came.push(status);
      if (former) went.push(former);
    }
    for (const status of came) this.#changed(endpointKey(status), status);
    this.#dropMissing(went, came);
    return came;
  }

  /** Asks for replicas when none are wanted. However many requests call it, the platform is told once. */
  wake(endpoint: ServedEndpoint): void {
    if (endpoint.desired > 0) return;
    endpoint.attempt();
    this.scale(endpoint, minReplicas(endpoint.spec));
  }

  /**
   * Sets the number of replicas, as far as the organization's limits have room. One call to the platform at a time for an endpoint; the latest
   * number wins.
   */
  scale(endpoint: ServedEndpoint, wanted: number): void {
    const { replicas, limit } = replicaQuota(endpoint, wanted);
    this.#tellLimited(endpoint, wanted, replicas, limit);
    if (limit !== undefined && replicas === endpoint.desired) return;
    endpoint.desired = replicas;
    this.#trackAwake(endpoint);
    if (!endpoint.scaling) void this.#pushScale(endpoint);
  }

  /** Resolves at the next observed change of the endpoint, or its removal. Rejects with the signal's reason. */
  changed(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    const key = endpointKey(ref);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const listeners = this.#listeners.get(key) ?? new Set();
      this.#listeners.set(key, listeners);
      const stop = () => {
        signal?.removeEventListener("abort", cancel);
        listeners.delete(finish);
        if (listeners.size === 0) this.#listeners.delete(key);
      };
      const finish = () => {
        stop();
        resolve();
      };
      const cancel = () => {
        stop();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", cancel, { once: true });
      listeners.add(finish);
    });
  }

  /** Who waits for a first replica is refused: nobody knows when there will be room. */
  #tellLimited(endpoint: ServedEndpoint, wanted: number, replicas: number, limit: string | undefined): void {
    const told = limit === undefined ? undefined : `It wants ${counted(wanted)}, and may have ${replicas}: ${limit}`;
    if (told !== undefined && endpoint.limited === undefined)
      this.#log.warn({ endpoint: endpoint.key, wanted, replicas, limit }, "limited: no room for more replicas");
    endpoint.limited = told;
    if (told === undefined || replicas > 0) return;
    endpoint.refuseAll(
      new FaasError("REPLICAS_LIMITED", `No replica of ${endpoint.key} can be started: ${limit}`, {
        extensions: { limit },
      }),
    );
  }

  #changed(key: string, status: EndpointStatus): void {
    if (this.#statuses.get(key) === status) return;
    this.#statuses.set(key, status);
    const endpoint = this.#live.get(key);
    if (endpoint) this.#update(endpoint, status);
    this.#announce(key);
  }

  /** What went from its place and came to no other one. */
  #dropMissing(went: readonly EndpointStatus[], came: readonly EndpointStatus[]): void {
    if (went.length === 0) return;
    const present = new Set(came.map(endpointKey));
    for (const key of went.map(endpointKey)) {
      if (present.has(key)) continue;
      this.#statuses.delete(key);
      const endpoint = this.#live.get(key);
      if (endpoint) this.#update(endpoint, undefined);
      this.#announce(key);
    }
  }

  #update(endpoint: ServedEndpoint, status: EndpointStatus | undefined): void {
    // Replicas that outlived a restart of the server: they are wanted until the endpoint is idle.
    if (!endpoint.scaled && status) endpoint.desired = status.replicas.length;
    endpoint.observe(status);
    this.#trackAwake(endpoint);
  }

  #trackAwake(endpoint: ServedEndpoint): void {
    if (endpoint.desired === 0 && endpoint.replicas.length === 0) {
      this.awake.delete(endpoint);
    } else if (!this.awake.has(endpoint)) {
      this.awake.add(endpoint);
      this.#onAwake?.(endpoint);
    }
  }

  #announce(key: string): void {
    const listeners = this.#listeners.get(key);
    if (listeners) for (const finish of [...listeners]) finish();
  }

  async #pushScale(endpoint: ServedEndpoint): Promise<void> {
    endpoint.scaling = true;
    endpoint.scaled = true;
    let told = endpoint.desired;
    try {
      for (;;) {
        told = endpoint.desired;
        await this.#platform.scale(endpoint.spec, told);
        if (told === endpoint.desired) break;
      }
    } catch (error) {
      this.#scaleFailed(endpoint, told, error);
    } finally {
      endpoint.scaling = false;
    }
  }

  #scaleFailed(endpoint: ServedEndpoint, replicas: number, error: unknown): void {
    // It was removed meanwhile.
    if (this.#live.get(endpoint.key) !== endpoint) return;
    this.#log.warn({ err: error, endpoint: endpoint.key, replicas }, "the platform refused a number of replicas");
    // The next request, or the next decision of the scaler, tries again.
    endpoint.desired = endpoint.replicas.length;
    this.#trackAwake(endpoint);
    if (endpoint.replicas.length === 0) {
      endpoint.refuseAll(
        error instanceof FaasError
          ? error
          : new FaasError("NO_CAPACITY", `The platform could not start a replica of ${endpoint.key}`, { cause: error }),
      );
    }
  }
}

const counted = (replicas: number) => (replicas === 1 ? "1 replica" : `${replicas} replicas`);

/** Replicas of an endpoint that is in use: what its settings say, at least one. */
export function minReplicas(spec: EndpointSpec): number {
  return Math.max(1, spec.replicas);
}

/** The most that anybody may ask for. */
export function maxReplicas(spec: EndpointSpec): number {
  return spec.scaler === "fixed" ? minReplicas(spec) : Math.max(1, spec.maxReplicas);
}
