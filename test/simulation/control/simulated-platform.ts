import type { EndpointStatus } from "@faas/core";
import type { PlatformReplica } from "../../../packages/gateway/src/view/options.ts";
import type { SimulatedTime } from "../simulated-time.ts";

/** Time for which a replica that is ending still accepts calls, as the `preStop` of a pod. */
const PRE_STOP_MS = 1_000;

type ReplicaState = "starting" | "ready" | "ending";

interface PlatformPod {
  readonly id: string;
  state: ReplicaState;
  /** Calls in flight. */
  calls: number;
  /** True if it accepts no new calls. */
  isClosed: boolean;
}

/** An endpoint on the platform. */
export interface PlatformEndpoint {
  readonly key: string;
  desired: number;
  /** Replicas that a gateway asked for, until the control server sets their number. */
  woken: number | undefined;
  readonly pods: Map<string, PlatformPod>;
}

/** A system that runs replicas, outside of all processes, as Kubernetes does: it continues when the control server ends. */
export class SimulatedPlatform {
  readonly endpoints = new Map<string, PlatformEndpoint>();
  readonly #time: SimulatedTime;
  readonly #startMs: () => number;
  readonly #watchers = new Set<() => void>();
  #count = 0;
  /** True while nobody can reach it; replicas continue. */
  isUnreachable = false;

  /** @param startMs draws the time that a replica needs to start */
  constructor(time: SimulatedTime, startMs: () => number) {
    this.#time = time;
    this.#startMs = startMs;
  }

  add(key: string): void {
    this.endpoints.set(key, { key, desired: 0, woken: undefined, pods: new Map() });
  }

  /** Calls a function after each change. Returns a function that ends that. */
  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  }

  /** Sets the number of replicas, for the control server. */
  scale(key: string, desired: number): void {
    const endpoint = this.#of(key);
    endpoint.woken = undefined;
    this.#resize(endpoint, desired);
  }

  /** Starts replicas where there are none, for a gateway. */
  wake(key: string, replicas: number): void {
    const endpoint = this.#of(key);
    if (endpoint.desired > 0) return;
    endpoint.woken = replicas;
    this.#resize(endpoint, replicas);
  }

  pod(key: string, id: string): PlatformPod | undefined {
    return this.endpoints.get(key)?.pods.get(id);
  }

  /** Statuses for the control server. */
  statuses(): EndpointStatus[] {
    return [...this.endpoints.values()].map(({ key, pods, woken }) => {
      const [org = "", endpoint = ""] = key.split("/");
      const replicas = [...pods.values()].map(({ id, state }) => ({
        ...{ id, address: `unix:/nonexistent/${id}`, revision: "one" },
        ready: state === "ready",
      }));
      return { org, endpoint, revision: "one", replicas, ...(woken === undefined ? {} : { woken }) };
    });
  }

  /** Lists the replicas of an endpoint for gateways, as an EndpointSlice does. */
  slices(key: string): PlatformReplica[] {
    return [...(this.endpoints.get(key)?.pods.values() ?? [])].map(({ id, state }) => ({
      ...{ id, address: `unix:/nonexistent/${id}`, revision: "one" },
      ...{ ready: state === "ready", terminating: state === "ending" },
    }));
  }

  #of(key: string): PlatformEndpoint {
    const endpoint = this.endpoints.get(key);
    if (endpoint === undefined) throw new Error(`${key} does not exist`);
    return endpoint;
  }

  #resize(endpoint: PlatformEndpoint, desired: number): void {
    endpoint.desired = desired;
    const running = [...endpoint.pods.values()].filter(({ state }) => state !== "ending");
    for (const pod of running.slice(desired)) this.#end(endpoint, pod);
    for (let missing = desired - running.length; missing > 0; missing--) this.#start(endpoint);
    this.#changed();
  }

  #start(endpoint: PlatformEndpoint): void {
    const pod: PlatformPod = { id: `p${this.#count++}`, state: "starting", calls: 0, isClosed: false };
    endpoint.pods.set(pod.id, pod);
    this.#time.after(this.#startMs(), () => {
      if (pod.state !== "starting") return;
      pod.state = "ready";
      this.#changed();
    });
  }

  #end(endpoint: PlatformEndpoint, pod: PlatformPod): void {
    pod.state = "ending";
    this.#time.after(PRE_STOP_MS, () => {
      pod.isClosed = true;
      endpoint.pods.delete(pod.id);
      this.#changed();
    });
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
