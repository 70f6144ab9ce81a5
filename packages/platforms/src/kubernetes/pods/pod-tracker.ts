import { type EndpointLog, endpointKey, type Logger, type LogSink } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import type { WatchHandler } from "../client/informer.ts";
import type { CpuLimits } from "../cpu/cpu-limits.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import { EvictedPods } from "./exits/evicted-pods.ts";
import { type ContainerState, copyLog } from "./log-copier.ts";
import { type PodFacts, podFacts, podKey, replicaId, withLostLogin } from "./pod-facts.ts";

export interface PodTrackerOptions {
  readonly api: KubernetesApi;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Applied endpoints by key. */
  readonly endpoints: ReadonlyMap<string, KubernetesEndpoint>;
  /** Returns true if an organization's registry login was lost with its namespace. */
  readonly hasLostLogin: (org: string) => boolean;
  /** Receives copies of the replicas' logs. */
  readonly logs: LogSink;
  /** Follows the CPU of the pods. */
  readonly cpu: Pick<CpuLimits, "observed" | "deleted">;
}

/** Tracks the pods in the cluster, passes them to their endpoints, and copies their logs. */
export class PodTracker {
  readonly handler: WatchHandler<V1Pod>;
  readonly #options: PodTrackerOptions;
  /** All existing pods, by namespace and name. */
  readonly #pods = new Map<string, PodFacts>();
  /** Log copies in progress or done, by replica. */
  readonly #copies = new Map<string, Promise<void>>();
  readonly #evicted: EvictedPods;

  constructor(options: PodTrackerOptions) {
    this.#options = options;
    this.#evicted = new EvictedPods(options.api, options.log, options.signal);
    this.handler = {
      listed: (pods) => this.#listed(pods),
      changed: (pod) => this.#changed(this.#factsOf(pod)),
      deleted: (pod) => this.#deleted(podFacts(pod)),
    };
  }

  /** Passes the known pods of a new endpoint to it. */
  added(endpoint: KubernetesEndpoint): void {
    const key = endpointKey(endpoint.spec);
    for (const facts of this.#pods.values()) if (endpointKey(facts) === key) this.#observe(facts);
  }

  /** Resolves when all log copies have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#copies.values());
  }

  #factsOf(pod: V1Pod): PodFacts {
    const facts = podFacts(pod);
    return this.#options.hasLostLogin(facts.org) ? withLostLogin(facts) : facts;
  }

  #listed(pods: readonly V1Pod[]): void {
    const all = pods.map((pod) => this.#factsOf(pod));
    const present = new Set(all.map(podKey));
    for (const [key, facts] of this.#pods) if (!present.has(key)) this.#deleted(facts);
    for (const facts of all) this.#changed(facts);
  }

  #changed(facts: PodFacts): void {
    const before = this.#pods.get(podKey(facts));
    this.#pods.set(podKey(facts), facts);
    this.#observe(facts);
    this.#evicted.observe(facts);
    if (facts.deleting && before?.deleting === false) this.#warnIfNeeded(facts);
  }

  #deleted(facts: PodFacts): void {
    const before = this.#pods.get(podKey(facts));
    this.#pods.delete(podKey(facts));
    this.#evicted.deleted(facts);
    this.#options.cpu.deleted(facts);
    this.#options.endpoints.get(endpointKey(facts))?.podDeleted(facts.pod);
    for (let restarts = 0; restarts <= facts.restarts; restarts++) {
      const replica = replicaId(facts.pod, restarts);
      void this.#copies.get(replica)?.then(() => this.#copies.delete(replica));
    }
    if (before?.deleting === false) this.#warnIfNeeded(facts);
  }

  /** Logs that a pod is terminating although its endpoint needs it. Its Deployment replaces it. */
  #warnIfNeeded({ org, endpoint, revision, pod }: PodFacts): void {
    const { endpoints, log } = this.#options;
    const key = endpointKey({ org, endpoint });
    const known = endpoints.get(key);
    if (!known?.missing || known.spec.revision !== revision || known.hasExited(pod)) return;
    log.warn({ endpoint: key, pod }, "a replica that is still needed is terminating, the cluster will replace it");
  }

  #observe(facts: PodFacts): void {
    const endpoint = this.#options.endpoints.get(endpointKey(facts));
    if (!endpoint) return;
    this.#options.cpu.observed(facts);
    endpoint.observePod(facts);
    if (facts.runningSinceMs !== undefined || facts.failure?.logs !== undefined)
      void this.#copyLog(facts, this.#options.logs.open(facts));
  }

  #copyLog(facts: PodFacts, store: EndpointLog): Promise<void> {
    const { api, log, signal } = this.#options;
    const { pod, restarts, replica } = facts;
    const known = this.#copies.get(replica);
    if (known) return known;
    const copy = async () => {
      // The previous container may have ended while no server was running. Its lines come first.
      if (facts.previousExit) await this.#copyPreviousLog({ ...facts, restarts: restarts - 1 }, replica, store);
      await copyLog(api, facts, store, () => this.#stateOf(facts), signal);
    };
    const copied = copy().catch((error) => log.warn({ err: error, pod }, "failed to copy a replica's log to its end"));
    this.#copies.set(replica, copied);
    return copied;
  }

  #stateOf(facts: PodFacts): ContainerState {
    const now = this.#pods.get(podKey(facts));
    if (now !== undefined && now.restarts > facts.restarts)
      return now.restarts === facts.restarts + 1 ? "replaced" : "lost";
    return now === undefined || now.deleting || now.failure?.logs === "current" ? "ended" : "running";
  }

  async #copyPreviousLog(facts: PodFacts, next: string, store: EndpointLog): Promise<void> {
    const replica = replicaId(facts.pod, facts.restarts);
    if (!this.#copies.has(replica)) {
      // If lines of the next container are in the store, so are those of this one.
      for await (const _ of store.read({ replica: next, tail: 1 })) return;
    }
    const { previousExit: _, ...previous } = facts;
    await this.#copyLog({ ...previous, replica }, store);
  }
}
