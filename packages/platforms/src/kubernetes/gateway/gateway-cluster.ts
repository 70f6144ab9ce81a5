import { type EndpointRef, type EndpointSpec, endpointKey, type Logger } from "@faas/core";
import { isForeignServer } from "../../common/foreign-server.ts";
import { runInformer } from "../client/informer.ts";
import type { ClusterRequests } from "../client/requests.ts";
import { podServerProbe, waitUntilPodReady } from "../pods/readiness-probe.ts";
import { selectorOf } from "../reconcile/manifests/labels.ts";
import { wakeDirectly } from "./direct-wake.ts";
import { compactSlice, EndpointSlices } from "./endpoint-slices.ts";
import { type ClusterReplica, type KnownEndpoint, type ProbePod, TrackedPods } from "./tracked-pods.ts";

/** Time for which a pod is probed; the kubelet probes for longer. */
const PROBE_MS = 60_000;

/** An endpoint as the control server described it last. */
export interface ServedByGateway {
  readonly spec: Pick<EndpointSpec, "revision"> & Partial<Pick<EndpointSpec, "app" | "runtime" | "readyPath">>;
  /** Undefined before the first observation. */
  readonly status?: { readonly replicas: KnownEndpoint["replicas"] } | undefined;
}

export interface GatewayClusterOptions {
  readonly api: ClusterRequests;
  /** Name of the control server, which tells its objects from those of other control servers on the same cluster. */
  readonly instance: string;
  readonly log: Logger;
  /** Returns an endpoint by its key, "org/endpoint"; undefined if it is not served. */
  readonly endpoint: (key: string) => ServedByGateway | undefined;
  /** Called when the replicas of an endpoint may have changed. */
  readonly onReplicas: (key: string, replicas: readonly ClusterReplica[]) => void;
}

/**
 * Part of a gateway that uses the cluster without the control server: it follows the EndpointSlices of the gateway's endpoints, and starts replicas while
 * the gateway has no control server. It must not write anything else.
 */
export class GatewayCluster implements Disposable {
  readonly #options: GatewayClusterOptions;
  readonly #slices: EndpointSlices;
  readonly #tracked = new Map<string, TrackedPods>();
  readonly #closing = new AbortController();
  #isAlone = false;

  constructor(options: GatewayClusterOptions) {
    this.#options = options;
    this.#slices = new EndpointSlices((key) => this.#update(key));
  }

  /** Starts to follow the EndpointSlices, until this is disposed of. */
  start(): void {
    const { api, instance, log } = this.#options;
    void runInformer(
      "EndpointSlice",
      {
        api,
        labelSelector: selectorOf(instance),
        signal: this.#closing.signal,
        compact: compactSlice,
        onInterrupted: (kind, error) =>
          log.warn({ err: error, kind }, "watch on the cluster was interrupted, will retry"),
        onResumed: (kind) => log.info({ kind }, "watch on the cluster resumed"),
      },
      this.#slices.handler,
    );
  }

  /** Tells whether the gateway is without a control server; then it probes new replicas itself. */
  setAlone(isAlone: boolean): void {
    if (this.#isAlone === isAlone) return;
    this.#isAlone = isAlone;
    if (isAlone) for (const key of this.#slices.keys()) this.#update(key);
    else for (const tracked of this.#tracked.values()) tracked.stopProbing();
  }

  /**
   * Starts replicas of an endpoint that has none. They are kept by the control server when it is back.
   *
   * @throws CLUSTER_*
   */
  async wake(ref: EndpointRef, replicas: number): Promise<void> {
    const { api, log } = this.#options;
    await wakeDirectly(api, ref, replicas, this.#closing.signal);
    log.info({ endpoint: endpointKey(ref), replicas }, "started replicas without the control server");
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
    for (const tracked of this.#tracked.values()) tracked.stopProbing();
  }

  #update(key: string): void {
    const { endpoint, onReplicas } = this.#options;
    const served = endpoint(key);
    const pods = this.#slices.podsOf(key);
    let tracked = this.#tracked.get(key);
    if (!served || (pods.length === 0 && !tracked)) {
      tracked?.stopProbing();
      this.#tracked.delete(key);
      return;
    }
    if (!tracked) {
      tracked = new TrackedPods(() => this.#update(key));
      this.#tracked.set(key, tracked);
    }
    const { spec, status } = served;
    const probe = this.#isAlone ? probeOf(spec, this.#closing.signal) : undefined;
    const replicas = tracked.update(pods, { revision: spec.revision, replicas: status?.replicas ?? [] }, probe);
    if (tracked.isEmpty) this.#tracked.delete(key);
    onReplicas(key, replicas);
  }
}

/** Returns the probe for the replicas of an endpoint. */
function probeOf(spec: ServedByGateway["spec"], closing: AbortSignal): ProbePod {
  return async (address, removed) => {
    const signal = AbortSignal.any([removed, closing, AbortSignal.timeout(PROBE_MS)]);
    const separator = address.lastIndexOf(":");
    const host = address.slice(0, separator).replace(/^\[|\]$/g, "");
    const pod = { host, port: Number(address.slice(separator + 1)) };
    if (isForeignServer(spec)) {
      await podServerProbe(pod, spec.readyPath, signal).untilReady(signal);
      return true;
    }
    const { ready, isWrapper } = await waitUntilPodReady(pod, signal, () => {});
    return ready && isWrapper;
  };
}
