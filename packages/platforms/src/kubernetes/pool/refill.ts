import type { Logger } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { isNotFound } from "../client/cluster-error.ts";
import { pathOf } from "../client/objects.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import { type PodFacts, podFacts, podKey } from "../pods/pod-facts.ts";
import { REFILL_GATE } from "../reconcile/manifests/labels.ts";

/** Time for calls that belong to the same burst as the one whose pod is replaced. */
const BURST_MS = 300;
/** Longest time for which a new warm pod waits. */
const MAX_WAIT_MS = 20_000;
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
  readonly sinceMs: number;
  /** Time before which the gate is not removed, because that is in progress or has just failed. */
  notBefore: number;
}

/**
 * The start of warm pods that replace claimed ones. They are created at once, by their ReplicaSet, but with a scheduling gate: they should not compete for CPU
 * with the replicas that calls wait for. Each waits for those that are starting then, and not for later ones: otherwise none would start under steady traffic.
 */
export class Refill {
  readonly #options: RefillOptions;
  readonly #gated = new Map<string, GatedPod>();
  /** Times since when endpoints have replicas that are starting. */
  readonly #startingSince = new Map<KubernetesEndpoint, number>();
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
    this.#gated.set(key, { facts, sinceMs: Date.now(), notBefore: 0 });
    this.#timer ??= setInterval(() => this.#step(), STEP_MS).unref();
  }

  deleted(key: string): void {
    this.#gated.delete(key);
  }

  #step(): void {
    const now = Date.now();
    const endpoints = new Set(this.#options.endpoints.values());
    for (const endpoint of this.#startingSince.keys())
      if (!endpoints.has(endpoint) || !isStarting(endpoint)) this.#startingSince.delete(endpoint);
    for (const endpoint of endpoints)
      if (isStarting(endpoint) && !this.#startingSince.has(endpoint)) this.#startingSince.set(endpoint, now);
    for (const pod of this.#gated.values())
      if (now >= pod.notBefore && this.#isDue(pod, now)) void this.#start(pod, now);
    if (this.#gated.size > 0) return;
    this.#startingSince.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #isDue({ facts, sinceMs }: GatedPod, now: number): boolean {
    if (now - sinceMs >= MAX_WAIT_MS) return true;
    if (now - sinceMs < BURST_MS) return false;
    for (const [endpoint, startingMs] of this.#startingSince)
      if (endpoint.spec.org === facts.org && startingMs <= sinceMs + BURST_MS) return false;
    return true;
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
