import {
  type EndpointRef,
  type EndpointStatus,
  endpointKey,
  type FaasError,
  type LimitNumbers,
  limitNumbers,
  type Platform,
} from "@faas/core";
import type { GatewaySpec } from "../protocol/messages.ts";
import { ChangeSignal } from "./change-signal.ts";
import type { Timers } from "./ejection.ts";
import { HostTable } from "./host-table.ts";
import { OrganizationRuntime } from "./organization-runtime.ts";
import { maxReplicas, minReplicas, replicaQuota } from "./replica-quota.ts";
import { type EndpointsLog, ReplicaScaler } from "./replica-scaler.ts";
import { ServedEndpoint } from "./served-endpoint.ts";
import type { GatewaySharing } from "./slot-sharing.ts";
import { StatusList } from "./status-list.ts";

export interface EndpointRegistryOptions<Spec extends GatewaySpec = GatewaySpec> {
  /** Runs replicas. Absent: another process decides how many there are (`observeRemote`), and `onWake` asks it for the first one. */
  readonly platform?: Pick<Platform, "scale">;
  readonly log: EndpointsLog;
  /** Returns the limits of an organization. @defaultValue the limits that hold for every organization */
  readonly limitsOf?: (org: string) => LimitNumbers;
  /** Called when an endpoint joins `awake`. */
  onAwake?(endpoint: ServedEndpoint<Spec>): void;
  /** Called for each request that needs a replica of an endpoint for which none is desired, where there is no `platform`. */
  onWake?(endpoint: ServedEndpoint<Spec>): void;
  /** Called when an endpoint is served with another spec than before. */
  onSpec?(endpoint: ServedEndpoint<Spec>): void;
  /** Called when the desired or the observed replicas of an endpoint may have changed. */
  onStatus?(endpoint: ServedEndpoint<Spec>): void;
  /** Called when replicas of an endpoint cannot be started: requests that wait for a first one are rejected. */
  onRejected?(endpoint: ServedEndpoint<Spec>, error: FaasError): void;
  /** Called when limits allow fewer replicas of an endpoint than wanted. Ends replicas that can be spared, and returns true if there were any. */
  onLimited?(endpoint: ServedEndpoint<Spec>): boolean;
  /** Called when an endpoint is no longer served. */
  onRemoved?(endpoint: ServedEndpoint<Spec>): void;
  /** Returns milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: () => number;
  /** Timers of ejected replicas. @defaultValue the system's */
  readonly timers?: Timers;
  /** Shares slots and rates with other gateways. Absent: there are no others. */
  readonly sharing?: GatewaySharing;
}

/** An organization with at least one endpoint. */
interface ServedOrganization<Spec extends GatewaySpec> {
  readonly runtime: OrganizationRuntime;
  readonly endpoints: Set<ServedEndpoint<Spec>>;
}

/**
 * The endpoints that are served, in memory: the desired state (spec, number of replicas), the observed state and the requests in progress. The control server
 * fills it; the gateway and the autoscaler read it. All numbers of replicas are set by `scale`, so that `desired` is what the platform was asked for last.
 */
export class EndpointRegistry<Spec extends GatewaySpec = GatewaySpec> {
  readonly #options: EndpointRegistryOptions<Spec>;
  readonly #now: () => number;
  readonly #limitsOf: (org: string) => LimitNumbers;
  readonly #endpoints = new Map<string, ServedEndpoint<Spec>>();
  readonly #orgs = new Map<string, ServedOrganization<Spec>>();
  #variants = 0;
  /** Hosts that belong to endpoints. */
  readonly hosts = new HostTable();
  /** Observed statuses; one may arrive before its endpoint is put. */
  readonly #statuses = new StatusList();
  readonly #changes = new ChangeSignal();
  /** Undefined where another process decides how many replicas there are. */
  readonly #scaler: ReplicaScaler<Spec> | undefined;
  /** Endpoints with replicas, observed or desired: only these can become idle. */
  readonly awake = new Set<ServedEndpoint<Spec>>();

  constructor(options: EndpointRegistryOptions<Spec>) {
    const { platform, log, limitsOf = () => limitNumbers({}), now = Date.now } = options;
    this.#options = options;
    this.#limitsOf = limitsOf;
    this.#now = now;
    if (platform === undefined) return;
    const onDesired = (endpoint: ServedEndpoint<Spec>) => {
      this.#trackAwake(endpoint);
      options.onStatus?.(endpoint);
    };
    const onRejected = (endpoint: ServedEndpoint<Spec>, error: FaasError) => options.onRejected?.(endpoint, error);
    const onLimited = (endpoint: ServedEndpoint<Spec>) => options.onLimited?.(endpoint) ?? false;
    this.#scaler = new ReplicaScaler<Spec>({ platform, log, onDesired, onRejected, onLimited });
  }

  get size(): number {
    return this.#endpoints.size;
  }

  /** Number of the endpoints that are variants of others. */
  get variants(): number {
    return this.#variants;
  }

  /** @param key "org/endpoint" */
  get(key: string): ServedEndpoint<Spec> | undefined {
    return this.#endpoints.get(key);
  }

  values(): IterableIterator<ServedEndpoint<Spec>> {
    return this.#endpoints.values();
  }

  /** Returns whether the organization has an endpoint here. */
  hasOrg(org: string): boolean {
    return this.#orgs.has(org);
  }

  /** Returns `undefined` while the organization has no endpoint. */
  org(name: string): OrganizationRuntime | undefined {
    return this.#orgs.get(name)?.runtime;
  }

  /** Applies changed limits of an organization: excess replicas are stopped; endpoints that want more get them at their next decision. */
  limitsChanged(name: string): void {
    const org = this.#orgs.get(name);
    if (!org) return;
    const { runtime, endpoints } = org;
    runtime.limits = this.#limitsOf(name);
    if (this.#scaler === undefined) return;
    for (const endpoint of endpoints) {
      if (endpoint.desired === 0) continue;
      // Endpoints with fewer replicas than their settings say may get them now.
      const wanted = Math.max(endpoint.desired, minReplicas(endpoint.spec));
      const { replicas, limit } = replicaQuota(runtime.limits, runtime.usage, endpoint, wanted);
      if (replicas !== endpoint.desired || limit !== undefined) this.scale(endpoint, wanted);
    }
  }

  /**
   * Adds an endpoint, or replaces the spec of a served one and keeps its counters and replicas. The platform is not called, except to scale when the number
   * of replicas is out of the new spec's bounds.
   */
  put(spec: Spec): ServedEndpoint<Spec> {
    const key = endpointKey(spec);
    this.hosts.assign(key, spec.hostnames);
    const endpoint = this.#endpoints.get(key);
    if (endpoint === undefined) return this.#add(key, spec);
    endpoint.spec = spec;
    this.#options.onSpec?.(endpoint);
    if (endpoint.desired > 0 && this.#scaler !== undefined) {
      const within = Math.min(Math.max(endpoint.desired, minReplicas(spec)), maxReplicas(spec));
      if (within !== endpoint.desired) this.scale(endpoint, within);
    }
    endpoint.assignSlots();
    return endpoint;
  }

  /** Removes an endpoint. Its waiting requests fail with ENDPOINT_NOT_FOUND; those in flight finish. */
  delete(ref: EndpointRef): void {
    const key = endpointKey(ref);
    const endpoint = this.#endpoints.get(key);
    if (endpoint === undefined) return;
    this.#endpoints.delete(key);
    if (endpoint.isVariant) this.#variants--;
    this.hosts.assign(key, undefined);
    this.awake.delete(endpoint);
    const org = this.#orgs.get(ref.org);
    org?.endpoints.delete(endpoint);
    endpoint.remove();
    if (org?.endpoints.size === 0) {
      this.#orgs.delete(ref.org);
      org.runtime.remove();
    }
    this.#options.onRemoved?.(endpoint);
    this.#changes.emit(key);
  }

  /** Returns whether the platform's last list had the endpoint. */
  isObserved(key: string): boolean {
    return this.#statuses.get(key) !== undefined;
  }

  /** Takes over a list of `platform.watch()`. Returns the statuses that changed since the list before. */
  observe(statuses: readonly EndpointStatus[]): readonly EndpointStatus[] {
    const { changed, removed } = this.#statuses.replace(statuses);
    for (const status of changed) this.#apply(endpointKey(status), status);
    for (const key of removed) this.#apply(key, undefined);
    return changed;
  }

  /** Takes over the number of replicas that another process desires for an endpoint, and their status. */
  observeRemote(endpoint: ServedEndpoint<Spec>, desired: number, status: EndpointStatus | undefined): void {
    this.#statuses.set(endpoint.key, status);
    endpoint.desired = desired;
    this.#apply(endpoint.key, status);
  }

  /** Requests replicas for an endpoint that has none. However many requests call it, the platform is called once. */
  wake(endpoint: ServedEndpoint<Spec>, replicas = minReplicas(endpoint.spec)): void {
    if (endpoint.desired > 0) return;
    if (this.#scaler === undefined) {
      this.#options.onWake?.(endpoint);
      return;
    }
    endpoint.attempt();
    this.scale(endpoint, replicas);
  }

  /** Sets the number of replicas, as far as the organization's limits allow. */
  scale(endpoint: ServedEndpoint<Spec>, wanted: number): void {
    this.#scaler?.scale(endpoint, wanted);
  }

  /** Resolves at the next observed change of the endpoint, or its removal. Rejects with the signal's reason. */
  changed(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    return this.#changes.next(endpointKey(ref), signal);
  }

  #add(key: string, spec: Spec): ServedEndpoint<Spec> {
    let org = this.#orgs.get(spec.org);
    if (org === undefined) {
      org = { runtime: this.#newOrganization(spec.org), endpoints: new Set() };
      this.#orgs.set(spec.org, org);
    }
    const endpoint = new ServedEndpoint(
      key,
      spec,
      this.#now(),
      org.runtime,
      this.#options.timers,
      this.#options.sharing?.slots,
    );
    this.#endpoints.set(key, endpoint);
    if (endpoint.isVariant) this.#variants++;
    org.endpoints.add(endpoint);
    const status = this.#statuses.get(key);
    if (status) this.#update(endpoint, status);
    this.#options.onSpec?.(endpoint);
    return endpoint;
  }

  #newOrganization(name: string): OrganizationRuntime {
    const { sharing, timers } = this.#options;
    return new OrganizationRuntime(name, this.#limitsOf(name), sharing, timers);
  }

  #apply(key: string, status: EndpointStatus | undefined): void {
    const endpoint = this.#endpoints.get(key);
    if (endpoint) this.#update(endpoint, status);
    this.#changes.emit(key);
  }

  #update(endpoint: ServedEndpoint<Spec>, status: EndpointStatus | undefined): void {
    // Replicas that survived a restart of the server are kept until the endpoint is idle.
    if (!endpoint.scaled && status && this.#scaler) endpoint.desired = status.replicas.length;
    if (status?.woken !== undefined && endpoint.desired === 0) {
      endpoint.desired = status.woken;
      endpoint.lastRequestMs = this.#now();
    }
    endpoint.observe(status);
    this.#trackAwake(endpoint);
    this.#options.onStatus?.(endpoint);
  }

  #trackAwake(endpoint: ServedEndpoint<Spec>): void {
    if (endpoint.desired === 0 && endpoint.replicas.length === 0) {
      this.awake.delete(endpoint);
    } else if (!this.awake.has(endpoint)) {
      this.awake.add(endpoint);
      this.#options.onAwake?.(endpoint);
    }
  }
}
