import { setTimeout as delay } from "node:timers/promises";
import { type EndpointSpec, endpointKey, type Logger } from "@faas/core";
import type { V1Pod, V1ReplicaSet } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { isNotFound } from "../client/cluster-error.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import { type PodFacts, podFacts, podKey } from "../pods/pod-facts.ts";
import { LABELS } from "../reconcile/manifests/labels.ts";
import { currentReplicaSet, deleteFirst, release, transfer, waitForReplicaSet } from "./adoption.ts";
import type { DeletionPolicy } from "./deletion-policy.ts";

const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
/** Time for which the Deployment is not scaled yet, so that its ReplicaSet finds the pods: no call waits for more than them, or some do. */
const MAX_AHEAD_MS = { enough: 5_000, tooFew: 500 };

export interface HandOverOptions {
  readonly api: KubernetesApi;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly policy: DeletionPolicy;
}

/** Hands claimed pods over to the ReplicaSets of their endpoints, in the order that costs the least and never loses one (decision 42). */
export class HandOvers {
  readonly #options: HandOverOptions;
  /** Keys of the pods that this process protects from deletion. */
  readonly #protected = new Set<string>();

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  /** Prepares the hand-over of some pods to an endpoint that lacks as many, or more. */
  of(endpoint: KubernetesEndpoint, pods: readonly PodFacts[], isEnough: boolean): HandOver {
    return new HandOver(this.#options, this.#protected, endpoint, pods, isEnough);
  }

  /** Records that a pod is about to be deleted. */
  abandon(pod: PodFacts): void {
    this.#protected.delete(podKey(pod));
  }

  /** Handles a pod that is no longer a warm one: ends the protection that an earlier process of the control server left. */
  observe(pod: V1Pod): void {
    if (pod.metadata?.labels?.[LABELS.handOver] === undefined) return;
    const { api, log, policy, signal } = this.#options;
    const facts = podFacts(pod);
    const key = podKey(facts);
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (this.#protected.delete(key)) {
        log.warn({ pod: facts.pod }, "a pod was deleted while it was handed over");
        policy.failed();
      }
      return;
    }
    if (this.#protected.has(key)) return;
    void release(api, facts, signal).catch((error) => {
      if (signal.aborted || isNotFound(error)) return;
      log.warn({ err: error, pod: facts.pod }, "failed to end the hand-over of a pod");
    });
  }
}

/** The hand-over of some pods to the ReplicaSet of one endpoint. */
export class HandOver {
  readonly #options: HandOverOptions;
  readonly #protected: Set<string>;
  readonly #endpoint: KubernetesEndpoint;
  readonly #spec: EndpointSpec;
  /** Pods that do not belong to the ReplicaSet yet. */
  readonly #left: Set<PodFacts>;
  /** Pods that belong to it, and that it must not delete yet. */
  readonly #early = new Set<PodFacts>();
  readonly #wanted: number;
  readonly #maxAheadMs: number;
  #ahead: Promise<void> | undefined;

  constructor(
    options: HandOverOptions,
    protectedPods: Set<string>,
    endpoint: KubernetesEndpoint,
    pods: readonly PodFacts[],
    isEnough: boolean,
  ) {
    this.#options = options;
    this.#protected = protectedPods;
    this.#endpoint = endpoint;
    this.#spec = endpoint.spec;
    this.#wanted = endpoint.desired ?? 0;
    this.#left = new Set(pods);
    this.#maxAheadMs = isEnough ? MAX_AHEAD_MS.enough : MAX_AHEAD_MS.tooFew;
  }

  /** Gives the pods to the ReplicaSet before its Deployment is scaled, if the cluster keeps it from deleting them. Waits for that a limited time. */
  async beforeScale(): Promise<void> {
    if (!this.#options.policy.isActive) return;
    this.#ahead = this.#transferEarly();
    await Promise.race([this.#ahead, delay(this.#maxAheadMs, undefined, { ref: false })]);
  }

  /**
   * Gives the pods to the ReplicaSet in place of one whose process has ended, which is deleted afterwards: the ReplicaSet may do so by itself, because it
   * deletes that pod before any other.
   */
  async inPlaceOf(exited: PodFacts): Promise<void> {
    const { api, log, signal } = this.#options;
    try {
      const set = await currentReplicaSet(api, this.#spec, signal);
      if (set === undefined) return;
      // Both are changes of pods, which a ReplicaSet observes in their order.
      await deleteFirst(api, exited, signal);
      await this.#transferAll(set, false);
    } catch (error) {
      if (!signal.aborted)
        log.debug({ err: error, pod: exited.pod }, "a pod is replaced before its successor is there");
    }
  }

  /**
   * Ends the hand-over in the background, however often that has to be tried: without it, nothing would ever remove the pods.
   *
   * @param isScaled the Deployment has the desired number of replicas
   */
  async afterScale(isScaled: boolean): Promise<void> {
    const { log, signal } = this.#options;
    await this.#ahead;
    const wanted = () => (isScaled ? Math.min(this.#wanted, this.#endpoint.desired ?? 0) : this.#wanted);
    for (
      let retryMs = MIN_RETRY_MS;
      this.#left.size + this.#early.size > 0;
      retryMs = Math.min(MAX_RETRY_MS, retryMs * 2)
    ) {
      try {
        await this.#transferLate(wanted);
        await this.#releaseAll(wanted);
      } catch (error) {
        if (signal.aborted) return;
        const pods = [...this.#left, ...this.#early].map(({ pod }) => pod);
        log.warn({ err: error, endpoint: endpointKey(this.#spec), pods }, "failed to hand over warm pods, will retry");
        await delay(retryMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #transferEarly(): Promise<void> {
    const { api, log, signal } = this.#options;
    try {
      const set = await currentReplicaSet(api, this.#spec, signal);
      if (set) await this.#transferAll(set, true);
    } catch (error) {
      if (!signal.aborted)
        log.debug({ err: error, endpoint: endpointKey(this.#spec) }, "warm pods are handed over later");
    }
  }

  async #transferAll(set: V1ReplicaSet, isEarly: boolean): Promise<void> {
    const { api, signal } = this.#options;
    const transferOne = async (pod: PodFacts) => {
      if (isEarly) this.#protected.add(podKey(pod));
      try {
        await transfer(api, pod.pod, this.#spec, set, isEarly, signal);
        this.#left.delete(pod);
        if (isEarly) this.#early.add(pod);
        else this.#protected.delete(podKey(pod));
      } catch (error) {
        if (!isNotFound(error)) throw error;
        this.#left.delete(pod);
        this.#protected.delete(podKey(pod));
      }
    };
    await Promise.all([...this.#left].map(transferOne));
  }

  async #transferLate(wanted: () => number): Promise<void> {
    const { api, log, signal } = this.#options;
    if (this.#left.size === 0) return;
    const wants = ({ spec }: V1ReplicaSet) => (spec?.replicas ?? 0) >= wanted();
    const set = await waitForReplicaSet(api, this.#spec, wants, signal);
    if (set) return this.#transferAll(set, false);
    for (const pod of this.#left) {
      log.warn(
        { endpoint: endpointKey(this.#spec), pod: pod.pod },
        "a warm pod has a function and no endpoint, deleting it",
      );
      await api.delete("Pod", pod.namespace, pod.pod, signal);
      this.#left.delete(pod);
    }
  }

  async #releaseAll(wanted: () => number): Promise<void> {
    const { api, signal } = this.#options;
    if (this.#early.size === 0) return;
    await waitForReplicaSet(api, this.#spec, (set) => knowsOf(set, wanted()), signal);
    for (const pod of this.#early) {
      await release(api, pod, signal).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
      this.#early.delete(pod);
      this.#protected.delete(podKey(pod));
    }
  }
}

/** Returns true if a ReplicaSet wants a number of pods, and its controller has observed that. */
const knowsOf = ({ metadata, spec, status }: V1ReplicaSet, replicas: number) =>
  (spec?.replicas ?? 0) >= replicas && (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
