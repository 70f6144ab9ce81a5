import type { Logger } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { isNotFound } from "../client/cluster-error.ts";
import { pathOf } from "../client/objects.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import { type PodFacts, podFacts, podKey } from "../pods/pod-facts.ts";
import { REFILL_GATE } from "../reconcile/manifests/labels.ts";

/** Time without a starting replica after which new warm pods start. */
const QUIET_MS = 300;
/** Longest time for which a new warm pod waits for that. */
const MAX_WAIT_MS = 3_000;
const STEP_MS = 50;
const RETRY_MS = 1_000;

export interface RefillOptions {
  readonly api: KubernetesApi;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly endpoints: ReadonlyMap<string, KubernetesEndpoint>;
}

interface GatedPod {
  readonly facts: PodFacts;
  /** Time at which it starts even if replicas are starting. */
  readonly dueAt: number;
  /** Time before which the gate is not removed, because that is in progress or has just failed. */
  notBefore: number;
}

/**
 * The start of warm pods that replace claimed ones. They are created at once, by their ReplicaSet, but with a scheduling gate: they should not compete for CPU
 * with the replicas that calls wait for.
 */
export class Refill {
  readonly #options: RefillOptions;
  readonly #gated = new Map<string, GatedPod>();
  /** Time since when no replica of an organization has been starting. */
  readonly #quietSince = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RefillOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => clearInterval(this.#timer));
  }

  /** Handles a warm pod. */
  observe(pod: V1Pod): void {
    const facts = podFacts(pod);
    const isGated = pod.spec?.schedulingGates?.some(({ name }) => name === REFILL_GATE) && !facts.deleting;
    const key = podKey(facts);
    if (!isGated) this.deleted(key);
    if (!isGated || this.#gated.has(key)) return;
    this.#gated.set(key, { facts, dueAt: Date.now() + MAX_WAIT_MS, notBefore: 0 });
    this.#timer ??= setInterval(() => this.#step(), STEP_MS).unref();
  }

  deleted(key: string): void {
    this.#gated.delete(key);
  }

  #step(): void {
    const now = Date.now();
    const orgs = new Set([...this.#gated.values()].map(({ facts }) => facts.org));
    for (const org of this.#quietSince.keys()) if (!orgs.has(org)) this.#quietSince.delete(org);
    const starting = new Set<string>();
    for (const endpoint of this.#options.endpoints.values())
      if (orgs.has(endpoint.spec.org) && isStarting(endpoint)) starting.add(endpoint.spec.org);
    for (const org of orgs) {
      if (starting.has(org)) this.#quietSince.delete(org);
      else if (!this.#quietSince.has(org)) this.#quietSince.set(org, now);
    }
    for (const pod of this.#gated.values()) {
      const quietMs = now - (this.#quietSince.get(pod.facts.org) ?? now);
      if (now >= pod.notBefore && (quietMs >= QUIET_MS || now >= pod.dueAt)) void this.#start(pod, now);
    }
    if (this.#gated.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #start(pod: GatedPod, now: number): Promise<void> {
    const { api, log, signal } = this.#options;
    pod.notBefore = now + RETRY_MS;
    const { facts } = pod;
    try {
      await api.call("PATCH", pathOf("Pod", facts.namespace, facts.pod), {
        body: { spec: { schedulingGates: null } },
        contentType: "application/merge-patch+json",
        signal,
      });
    } catch (error) {
      if (signal.aborted || isNotFound(error)) return;
      log.warn({ err: error, pod: facts.pod }, "failed to start a warm pod, will retry");
    }
  }
}

/** Returns true if an endpoint waits for replicas that may yet start. */
function isStarting(endpoint: KubernetesEndpoint): boolean {
  const { failure, replicas } = endpoint.status;
  return failure === undefined && (endpoint.missing > 0 || replicas.some(({ ready }) => !ready));
}
