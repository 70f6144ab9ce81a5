import { type EndpointRef, endpointKey, type Logger, type ReplicaCpu } from "@faas/core";
import { ClusterError, isNotFound } from "../client/cluster-error.ts";
import type { ClusterRequests } from "../client/requests.ts";
import { type PodFacts, podFacts, podKey } from "../pods/pod-facts.ts";
import { resizePod } from "../pods/resize-pod.ts";
import { attainableCpu, desiredPodCpu, grantedRequestMillis, type PodCpu, resourcesPatch } from "./pod-cpu.ts";

/** Reason why the CPU limit of a replica does not change. */
export const CANNOT_RESIZE = "the cluster cannot change the CPU limit of a running pod, which needs Kubernetes 1.33";

const MAX_ATTEMPTS = 3;
/** Time after which the reservation that a node had no room for is tried again. */
const RETRY_MS = 10_000;

export interface CpuLimitsOptions {
  readonly api: Pick<ClusterRequests, "call">;
  readonly log: Pick<Logger, "warn">;
  readonly signal: AbortSignal;
  /** Called when the reason why replicas of an endpoint do not have the CPU that they should have appears, changes or disappears. */
  onPending(ref: EndpointRef, reason: string | undefined): void;
}

interface TrackedPod {
  facts: PodFacts;
  /** True once it answers: until then it keeps the CPU that it was created with. */
  isReady: boolean;
  isPatching: boolean;
  /** Reason why it does not have the CPU that it should have. */
  denied: string | undefined;
  /** Limit and request that the API server refused: that much, or more, is not requested before the next attempt. */
  refused: Partial<PodCpu>;
  retryTimer: NodeJS.Timeout | undefined;
}

interface TrackedEndpoint {
  wanted: ReplicaCpu | undefined;
  readonly pods: Map<string, TrackedPod>;
  pending: string | undefined;
}

/**
 * Resizes the CPU of started pods in place (Kubernetes, "Resize CPU and Memory Resources"): removes the startup boost, and follows `setCpu`. A limit costs a
 * node nothing. A request that it has no room for is withdrawn, so that the limit takes effect, and requested again after a while. So is a request or a limit
 * that the API server refuses.
 */
export class CpuLimits {
  readonly #options: CpuLimitsOptions;
  readonly #endpoints = new Map<string, TrackedEndpoint>();

  constructor(options: CpuLimitsOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  /** Sets the CPU of an endpoint's pods, present and future ones. */
  set(ref: EndpointRef, wanted: ReplicaCpu): void {
    const endpoint = this.#endpoint(ref);
    const reservesMore = wanted.reservedMillis > (endpoint.wanted?.reservedMillis ?? 0);
    endpoint.wanted = wanted;
    for (const pod of endpoint.pods.values()) {
      if (reservesMore) this.#allowRetry(pod);
      else this.#observeResize(endpoint, pod);
      this.#resize(endpoint, pod);
    }
  }

  /** Resizes a pod that has become ready. */
  ready(facts: PodFacts): void {
    const endpoint = this.#endpoint(facts);
    const pod = this.#pod(endpoint, facts);
    pod.isReady = true;
    this.#resize(endpoint, pod);
  }

  /** Takes over the facts about a pod of an endpoint. */
  observed(facts: PodFacts): void {
    const endpoint = this.#endpoints.get(endpointKey(facts));
    const pod = endpoint?.pods.get(podKey(facts));
    if (endpoint === undefined || pod === undefined) return;
    if (facts.deleting) {
      this.deleted(facts);
      return;
    }
    pod.facts = facts;
    this.#observeResize(endpoint, pod);
    this.#resize(endpoint, pod);
  }

  deleted(facts: PodFacts): void {
    const endpoint = this.#endpoints.get(endpointKey(facts));
    const pod = endpoint?.pods.get(podKey(facts));
    if (endpoint === undefined || pod === undefined) return;
    clearTimeout(pod.retryTimer);
    endpoint.pods.delete(podKey(facts));
    this.#report(endpoint, facts);
  }

  /** Forgets a removed endpoint. */
  forget(ref: EndpointRef): void {
    const key = endpointKey(ref);
    for (const { retryTimer } of this.#endpoints.get(key)?.pods.values() ?? []) clearTimeout(retryTimer);
    this.#endpoints.delete(key);
  }

  #endpoint(ref: EndpointRef): TrackedEndpoint {
    const key = endpointKey(ref);
    let endpoint = this.#endpoints.get(key);
    if (endpoint === undefined) {
      endpoint = { wanted: undefined, pods: new Map(), pending: undefined };
      this.#endpoints.set(key, endpoint);
    }
    return endpoint;
  }

  #pod({ pods }: TrackedEndpoint, facts: PodFacts): TrackedPod {
    const known = pods.get(podKey(facts));
    if (known) {
      known.facts = facts;
      return known;
    }
    const pod = { facts, isReady: false, isPatching: false, denied: undefined, refused: {}, retryTimer: undefined };
    pods.set(podKey(facts), pod);
    return pod;
  }

  /** Finds out whether the node grants what was requested. */
  #observeResize(endpoint: TrackedEndpoint, pod: TrackedPod): void {
    const { facts } = pod;
    const { cpuRequestMillis = 0, grantedCpuRequestMillis, resizePending } = facts;
    if (pod.isPatching) return;
    if (resizePending !== undefined) {
      if (cpuRequestMillis > grantedRequestMillis(facts)) this.#deny(endpoint, pod, resizePending);
      return;
    }
    const desired = desiredPodCpu(facts, endpoint.wanted);
    const hasLimit = pod.refused.limitMillis === undefined || facts.cpuMillis === desired?.limitMillis;
    if (grantedCpuRequestMillis === desired?.requestMillis && hasLimit) {
      this.#allowRetry(pod);
      this.#report(endpoint, facts);
    }
  }

  #deny(endpoint: TrackedEndpoint, pod: TrackedPod, reason: string): void {
    pod.denied = reason;
    clearTimeout(pod.retryTimer);
    pod.retryTimer = setTimeout(() => {
      pod.retryTimer = undefined;
      pod.refused = {};
      this.#resize(endpoint, pod);
    }, RETRY_MS).unref();
    this.#report(endpoint, pod.facts);
  }

  /** Ends the wait before the next attempt to reserve more for a pod. */
  #allowRetry(pod: TrackedPod): void {
    clearTimeout(pod.retryTimer);
    pod.retryTimer = undefined;
    pod.denied = undefined;
    pod.refused = {};
  }

  #desired({ wanted }: TrackedEndpoint, { facts, refused, retryTimer }: TrackedPod): PodCpu | undefined {
    const desired = desiredPodCpu(facts, wanted);
    return desired && retryTimer ? attainableCpu(desired, facts, refused) : desired;
  }

  #resize(endpoint: TrackedEndpoint, pod: TrackedPod): void {
    if (!pod.isReady || pod.isPatching || this.#options.signal.aborted) return;
    const target = this.#desired(endpoint, pod);
    if (target === undefined || resourcesPatch(pod.facts, target) === undefined) return;
    pod.isPatching = true;
    void this.#patch(endpoint, pod, target).then((isDone) => {
      pod.isPatching = false;
      // The desired limit, or the room on the node, may have changed in the meantime.
      if (isDone && endpoint.pods.get(podKey(pod.facts)) === pod) this.observed(pod.facts);
    });
  }

  /** Returns true when the pod has the resources in its spec, or its node cannot reserve them. */
  async #patch(endpoint: TrackedEndpoint, pod: TrackedPod, target: PodCpu): Promise<boolean> {
    const { api, log, signal } = this.#options;
    const { pod: name } = pod.facts;
    const resources = resourcesPatch(pod.facts, target) ?? {};
    for (let attempt = 1; ; attempt++) {
      try {
        pod.facts = podFacts(await resizePod(api, pod.facts, resources, signal));
        return true;
      } catch (error) {
        if (signal.aborted || isNotFound(error)) return false;
        if (error instanceof ClusterError && error.httpStatus === 403) {
          // A quota or a range of the namespace, or more than the node has. Nothing was changed. The request is given up before the limit.
          const { limitMillis, requestMillis } = target;
          pod.refused = { ...pod.refused, ...("requests" in resources ? { requestMillis } : { limitMillis }) };
          this.#deny(endpoint, pod, error.message.replace(/^.* is forbidden: /s, ""));
          return true;
        }
        if (attempt < MAX_ATTEMPTS) continue;
        log.warn({ err: error, pod: name }, "failed to change a replica's CPU limit");
        return false;
      }
    }
  }

  #report(endpoint: TrackedEndpoint, { org, endpoint: name }: EndpointRef): void {
    const denied = [...endpoint.pods.values()].filter((pod) => pod.denied !== undefined);
    const reason = denied[0] && pendingText(denied[0], denied.length, endpoint);
    if (reason === endpoint.pending) return;
    endpoint.pending = reason;
    this.#options.onPending({ org, endpoint: name }, reason);
  }

  #stop(): void {
    for (const { pods } of this.#endpoints.values())
      for (const { retryTimer } of pods.values()) clearTimeout(retryTimer);
  }
}

function pendingText({ facts, denied, refused }: TrackedPod, count: number, { pods, wanted }: TrackedEndpoint): string {
  const limit = `${wanted?.limitMillis ?? facts.endpointCpuMillis}m CPU`;
  return refused.limitMillis === undefined
    ? `${count} of ${pods.size} replicas may use ${limit}, but no CPU could be reserved for that: ${denied}`
    : `${count} of ${pods.size} replicas should be allowed ${limit}, but the cluster refuses that limit: ${denied}`;
}
