import type { EndpointSpec, LimitNumbers, Platform } from "@faas/core";
import type { ServedEndpoint as Served } from "@faas/gateway";
import { type CpuPolicy, type CpuState, cpuAtRest, desiredCpu, RISE_REQUESTS, recentLoad } from "./desired-cpu.ts";

type ServedEndpoint = Served<EndpointSpec>;

export interface CpuScalerOptions {
  readonly setCpu: NonNullable<Platform["setCpu"]>;
  /** CPU limit that load may raise that of a replica to, where an endpoint's settings name none. Absent: it is not raised. */
  readonly defaultMaxMillis?: number | undefined;
  /** Returns milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: () => number;
}

/** Time from the first request that waits for the CPU to the decision: requests that take less need no more CPU. */
const PRESSURE_MS = 5;
/** Time that a higher limit has to take effect, before replicas are added. */
const EFFECT_MS = 500;
/** Time after which another replica is added while the platform cannot give the present ones the CPU that they need. */
const ADD_AFTER_MS = 2_000;
/** Time for which a replica that was added for that reason stays, after it was last needed. */
const KEEP_MS = 60_000;

/** Replicas that an endpoint gets because its present ones cannot get the CPU that they need. */
interface Additional {
  readonly replicas: number;
  readonly addedMs: number;
  readonly neededMs: number;
}

/** Raises and lowers the CPU limits of replicas with the load. */
export class CpuScaler {
  readonly #options: CpuScalerOptions;
  /** Endpoints whose load has been followed since they had their first replica. */
  readonly #states = new WeakMap<ServedEndpoint, CpuState>();
  /** Endpoints with more CPU than in their settings. */
  readonly #raised = new Map<ServedEndpoint["org"], Set<ServedEndpoint>>();
  readonly #additional = new WeakMap<ServedEndpoint, Additional>();

  constructor(options: CpuScalerOptions) {
    this.#options = options;
  }

  /** Returns undefined for a platform without CPU limits. */
  static for(platform: Platform, defaultMaxMillis?: number): CpuScaler | undefined {
    if (platform.setCpu === undefined) return undefined;
    return new CpuScaler({ setCpu: platform.setCpu.bind(platform), defaultMaxMillis });
  }

  /** Samples the load of an endpoint, and changes the CPU limit of its replicas if the load needs that. */
  sample(endpoint: ServedEndpoint, now: number): void {
    const before = this.#states.get(endpoint);
    const { cpuMillis } = endpoint.spec;
    if (this.#maxOf(endpoint) <= cpuMillis && before === undefined) return;
    if (endpoint.desired === 0) {
      this.rest(endpoint);
      return;
    }
    const policy = { baseMillis: cpuMillis, maxMillis: this.#allowed(endpoint) };
    const state = before ?? cpuAtRest(policy, now);
    const after = desiredCpu(
      state,
      { requests: requestsOf(endpoint), replicas: endpoint.replicas.length },
      policy,
      now,
    );
    this.#states.set(endpoint, after);
    this.#awaitPressure(endpoint, after.limitMillis < policy.maxMillis);
    this.#trackShortage(endpoint, after, policy, now);
    if (after.limitMillis === state.limitMillis && after.reservedMillis === state.reservedMillis) return;
    this.#setRaised(endpoint, after.limitMillis > cpuMillis);
    this.#options.setCpu(endpoint.spec, { limitMillis: after.limitMillis, reservedMillis: after.reservedMillis });
  }

  /** Resets the CPU limit of an endpoint whose replicas are stopped: the next ones begin with that of its settings. */
  rest(endpoint: ServedEndpoint): void {
    const state = this.#states.get(endpoint);
    if (state === undefined) return;
    const { cpuMillis } = endpoint.spec;
    this.#states.delete(endpoint);
    endpoint.pressure = Number.POSITIVE_INFINITY;
    this.#additional.delete(endpoint);
    this.#setRaised(endpoint, false);
    if (state.limitMillis !== cpuMillis || state.reservedMillis !== cpuMillis)
      this.#options.setCpu(endpoint.spec, { limitMillis: cpuMillis, reservedMillis: cpuMillis });
  }

  /** Returns true while a limit that has just risen may suffice for the requests: then no replica is added yet. */
  mayAbsorb(endpoint: ServedEndpoint, now: number): boolean {
    const state = this.#states.get(endpoint);
    if (state === undefined || now - state.roseMs >= EFFECT_MS || endpoint.replicas.length === 0) return false;
    return loadOf(endpoint) <= this.#allowed(endpoint) / endpoint.spec.cpuMillis;
  }

  /** Returns the replicas that an endpoint needs because its present ones cannot get more CPU; 0 if they can. */
  minReplicas(endpoint: ServedEndpoint, now: number): number {
    const additional = this.#additional.get(endpoint);
    return additional !== undefined && now - additional.neededMs < KEEP_MS ? additional.replicas : 0;
  }

  /** Samples again as soon as requests wait for the CPU, where the limit can rise. */
  #awaitPressure(endpoint: ServedEndpoint, canRise: boolean): void {
    endpoint.pressure = canRise ? RISE_REQUESTS * Math.max(1, endpoint.replicas.length) : Number.POSITIVE_INFINITY;
    if (!canRise) return;
    endpoint.onPressure ??= () => {
      endpoint.pressure = Number.POSITIVE_INFINITY;
      setTimeout(() => {
        if (!endpoint.removed && this.#states.has(endpoint)) this.sample(endpoint, this.#options.now?.() ?? Date.now());
      }, PRESSURE_MS).unref();
    };
  }

  /** Returns the limit that load may raise that of a replica to, by the settings. */
  #maxOf({ spec: { cpuMillis, cpuMaxMillis } }: ServedEndpoint): number {
    return cpuMaxMillis ?? this.#options.defaultMaxMillis ?? cpuMillis;
  }

  /** Returns the same, as far as the limits of the organization allow it for each replica of an endpoint. */
  #allowed(endpoint: ServedEndpoint): number {
    const { limits }: { limits: LimitNumbers } = endpoint.org;
    const bound = Math.min(this.#maxOf(endpoint), limits.cpuMaxMillis);
    if (!Number.isFinite(limits.cpuMillis)) return bound;
    let free = limits.cpuMillis - endpoint.org.usage.reserved.cpuMillis;
    for (const other of this.#raised.get(endpoint.org) ?? []) {
      if (other.removed) this.#setRaised(other, false);
      else if (other !== endpoint) free -= this.#additionalMillis(other);
    }
    return Math.min(bound, endpoint.spec.cpuMillis + Math.max(0, Math.floor(free / Math.max(1, endpoint.desired))));
  }

  /** Returns the CPU that an endpoint's replicas have beyond the settings. */
  #additionalMillis(endpoint: ServedEndpoint): number {
    const { limitMillis = 0 } = this.#states.get(endpoint) ?? {};
    return Math.max(0, limitMillis - endpoint.spec.cpuMillis) * endpoint.desired;
  }

  #trackShortage(endpoint: ServedEndpoint, state: CpuState, { baseMillis }: CpuPolicy, now: number): void {
    const isPending = endpoint.status?.cpuPending !== undefined && state.limitMillis > baseMillis;
    if (!isPending || state.seconds.length === 0 || recentLoad(state) <= 1) return;
    const ready = endpoint.replicas.length;
    const before = this.#additional.get(endpoint);
    const isDue = before === undefined || (before.replicas <= ready && now - before.addedMs >= ADD_AFTER_MS);
    this.#additional.set(
      endpoint,
      isDue ? { replicas: ready + 1, addedMs: now, neededMs: now } : { ...before, neededMs: now },
    );
  }

  #setRaised(endpoint: ServedEndpoint, isRaised: boolean): void {
    const raised = this.#raised.get(endpoint.org) ?? new Set();
    if (isRaised) raised.add(endpoint);
    else raised.delete(endpoint);
    if (raised.size > 0) this.#raised.set(endpoint.org, raised);
    else this.#raised.delete(endpoint.org);
  }
}

const requestsOf = ({ totalInFlight, totalWaiting }: ServedEndpoint) => totalInFlight + totalWaiting;

const loadOf = (endpoint: ServedEndpoint) => requestsOf(endpoint) / Math.max(1, endpoint.replicas.length);
