import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "@faas/core";
import type { KubernetesApi } from "../../client/api-client.ts";
import { isNotFound } from "../../client/cluster-error.ts";
import { type PodFacts, podKey } from "../pod-facts.ts";

/** Time for the last lines of an evicted pod to be read. */
const READ_MS = 3_000;

/** Deletes pods that a node has evicted: their ReplicaSets have replaced them, and Kubernetes keeps thousands of them. */
export class EvictedPods {
  readonly #api: Pick<KubernetesApi, "delete">;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #readMs: number;
  readonly #removing = new Set<string>();

  /** @param readMs time for the last lines of a pod to be read */
  constructor(api: Pick<KubernetesApi, "delete">, log: Logger, signal: AbortSignal, readMs = READ_MS) {
    this.#api = api;
    this.#log = log;
    this.#signal = signal;
    this.#readMs = readMs;
  }

  observe(facts: PodFacts): void {
    if (!facts.failure?.evicted || this.#removing.has(podKey(facts))) return;
    this.#removing.add(podKey(facts));
    this.#log.warn({ pod: facts.pod, reason: facts.failure.detail }, "a node evicted a pod, removing it");
    void this.#remove(facts);
  }

  deleted(facts: PodFacts): void {
    this.#removing.delete(podKey(facts));
  }

  async #remove({ namespace, pod }: PodFacts): Promise<void> {
    try {
      await delay(this.#readMs, undefined, { signal: this.#signal, ref: false });
      await this.#api.delete("Pod", namespace, pod, this.#signal);
    } catch (error) {
      if (!this.#signal.aborted && !isNotFound(error))
        this.#log.warn({ err: error, pod }, "failed to remove a pod that a node evicted");
    }
  }
}
