import type { SlicePod } from "./endpoint-slices.ts";

/** A replica as a gateway uses it while it has no control server. */
export interface ClusterReplica {
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
  readonly revision: string;
  readonly ready: boolean;
  /** True if it is about to end: it gets no new calls. */
  readonly terminating: boolean;
}

/** An endpoint as the control server described it last. */
export interface KnownEndpoint {
  /** Revision that is served. */
  readonly revision: string;
  readonly replicas: readonly Omit<ClusterReplica, "terminating">[];
}

/** A pod in an EndpointSlice, while there is no control server. */
interface TrackedPod {
  /** True if the kubelet considered it ready at the last look. */
  wasReady: boolean;
  /** True if it answers although the kubelet, which probes a new pod once per second, has not found out yet. */
  answers: boolean;
  /** Ends the probe of a pod. */
  probing: AbortController | undefined;
}

/** Probes a pod at an address until it answers; rejects when the signal aborts. Resolves with false if it never will. */
export type ProbePod = (address: string, signal: AbortSignal) => Promise<boolean>;

/**
 * The pods of one endpoint, from which a gateway derives the endpoint's replicas. While the gateway has no control server, which probes new pods faster
 * than the kubelet, it probes them itself.
 */
export class TrackedPods {
  readonly #onChanged: () => void;
  readonly #listed = new Set<string>();
  /** Pods that were listed, and are not any more. */
  readonly #deleted = new Set<string>();
  /** Listed pods by name; empty while the control server probes. */
  readonly #pods = new Map<string, TrackedPod>();

  /** @param onChanged called when a probed pod answers */
  constructor(onChanged: () => void) {
    this.#onChanged = onChanged;
  }

  /** True if there is nothing to remember. */
  get isEmpty(): boolean {
    return this.#listed.size === 0 && this.#deleted.size === 0;
  }

  /**
   * Takes over the listed pods; returns the endpoint's replicas.
   *
   * @param probe undefined while the control server probes
   */
  update(listed: readonly SlicePod[], known: KnownEndpoint, probe: ProbePod | undefined): readonly ClusterReplica[] {
    this.#noteDeleted(listed, known);
    const replicas = listed.map((pod): ClusterReplica => {
      const { pod: name, address, terminating } = pod;
      const replica = known.replicas.find((each) => isOfPod(each, name) && each.address === address);
      const ready = probe === undefined ? pod.ready : this.#isReady(pod, replica?.ready ?? false, probe);
      return { id: replica?.id ?? name, address, revision: replica?.revision ?? known.revision, ready, terminating };
    });
    // A new pod may not be listed yet.
    for (const replica of known.replicas) {
      const isOf = (pod: string) => isOfPod(replica, pod);
      if (![...this.#listed].some(isOf) && ![...this.#deleted].some(isOf))
        replicas.push({ ...replica, terminating: false });
    }
    return replicas;
  }

  /** Ends all probes: the control server is back. */
  stopProbing(): void {
    for (const { probing } of this.#pods.values()) probing?.abort();
    this.#pods.clear();
  }

  #noteDeleted(listed: readonly SlicePod[], { replicas }: KnownEndpoint): void {
    const present = new Set(listed.map(({ pod }) => pod));
    for (const pod of this.#listed) {
      if (present.has(pod)) continue;
      this.#deleted.add(pod);
      this.#pods.get(pod)?.probing?.abort();
      this.#pods.delete(pod);
    }
    this.#listed.clear();
    for (const pod of present) this.#listed.add(pod);
    // A name is never used again; it is forgotten with its replica.
    for (const pod of this.#deleted) if (!replicas.some((replica) => isOfPod(replica, pod))) this.#deleted.delete(pod);
  }

  /** @param wasKnownReady the control server, or an earlier probe, found that the pod answers */
  #isReady({ pod: name, address, ready, terminating }: SlicePod, wasKnownReady: boolean, probe: ProbePod): boolean {
    let pod = this.#pods.get(name);
    if (pod === undefined) {
      pod = { wasReady: ready, answers: wasKnownReady, probing: undefined };
      this.#pods.set(name, pod);
    }
    // It was ready and is not: its container was restarted, or its node is lost.
    if (terminating || (pod.wasReady && !ready)) pod.answers = false;
    pod.wasReady = ready;
    if (terminating || ready) {
      pod.probing?.abort();
      pod.probing = undefined;
    } else if (!pod.answers && !pod.probing) this.#probe(pod, address, probe);
    return !terminating && (ready || pod.answers);
  }

  #probe(pod: TrackedPod, address: string, probe: ProbePod): void {
    const probing = new AbortController();
    pod.probing = probing;
    probe(address, probing.signal)
      .catch(() => false)
      .then((answers) => {
        if (probing.signal.aborted) return;
        pod.answers = answers;
        if (answers) this.#onChanged();
      });
  }
}

/** Returns true if the replica is a container of the pod: a restarted one has the number of restarts in its id. */
const isOfPod = ({ id }: { readonly id: string }, pod: string) => id === pod || id.startsWith(`${pod}.`);
