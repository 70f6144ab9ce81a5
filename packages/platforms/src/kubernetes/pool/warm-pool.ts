import { connect } from "node:net";
import { type EndpointSpec, endpointKey, type Logger } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import { probeReady, type ReadyResponse } from "../../common/ready-probe.ts";
import type { KubernetesApi } from "../client/api-client.ts";
import { isNotFound } from "../client/cluster-error.ts";
import type { WatchHandler } from "../client/informer.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import type { KubernetesOptions } from "../options.ts";
import type { OrganizationNamespaces } from "../organizations/namespaces.ts";
import { replacePod } from "../pods/exits/replace-pod.ts";
import { type PodFacts, podFacts } from "../pods/pod-facts.ts";
import { resizePod } from "../pods/resize-pod.ts";
import { podVariables, resourcesOf } from "../reconcile/manifests/endpoint.ts";
import { LABELS, type ManifestOptions, PORT } from "../reconcile/manifests/labels.ts";
import type { WarmSpec } from "../reconcile/manifests/warm-pod.ts";
import { sendClaim } from "./claim.ts";
import { CodePayloads } from "./code-payload.ts";
import { DeletionPolicy } from "./deletion-policy.ts";
import { type HandOver, HandOvers } from "./hand-over.ts";
import { Refill } from "./refill.ts";
import { isWarmable, variantOf, type WarmVariant } from "./variant.ts";
import { WarmReplicaSets, type WarmReplicaSetsOptions } from "./warm-replica-sets.ts";

/** Time for a pod to say whether it waits for a function. */
const PROBE_MS = 2_000;

export interface WarmPoolOptions {
  readonly api: KubernetesApi;
  readonly manifests: ManifestOptions;
  readonly namespaces: OrganizationNamespaces;
  readonly informer: WarmReplicaSetsOptions["informer"];
  /** Applied endpoints by key. */
  readonly endpoints: ReadonlyMap<string, KubernetesEndpoint>;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Secret of this control server, from which the pods' tokens are derived. */
  readonly secret: Buffer;
  /** Number of waiting pods of each variant that is used, for organizations without a number of their own. */
  readonly size: number;
  readonly instance: string;
  /** Returns the folder of an unpacked bundle. Absent: there are no warm pods. */
  readonly bundleFolder: KubernetesOptions["bundleFolder"];
}

/** A pod that waits for a function, or has just been given one. */
interface WarmPod {
  facts: PodFacts;
  readonly variant: string;
  /** Claim of an endpoint, until the pod's new labels were observed. */
  claim?: { readonly endpoint: KubernetesEndpoint; readonly spec: EndpointSpec };
  /** False while it is unknown whether an earlier process of the control server gave it a function. */
  isTrusted: boolean;
}

/**
 * Pods in which the wrapper has started and waits for a function, so that a cold start waits neither for a pod nor for a runtime. Each becomes a replica of one
 * endpoint (docs/decisions/0037-warm-pools.md, docs/decisions/0042-hand-over-by-labels-first.md).
 */
export class WarmPool {
  readonly handler: WatchHandler<V1Pod>;
  readonly #options: WarmPoolOptions;
  readonly #sets: WarmReplicaSets;
  readonly #payloads: CodePayloads;
  readonly #handOvers: HandOvers;
  readonly #refill: Refill;
  readonly #pods = new Map<string, WarmPod>();
  readonly #variants = new WeakMap<EndpointSpec, WarmVariant>();
  #isListed = false;

  constructor(options: WarmPoolOptions) {
    this.#options = options;
    const { api, bundleFolder, instance, log, manifests, signal } = options;
    const isInstalled = manifests.serverNamespace !== undefined;
    const policy = new DeletionPolicy({ api, instance, isInstalled, log, signal });
    this.#sets = new WarmReplicaSets({ ...options, onKept: (org) => policy.ensure(org) });
    this.#handOvers = new HandOvers({ api, log, signal, policy });
    this.#refill = new Refill(options);
    this.#payloads = new CodePayloads(async (digest) => (await bundleFolder?.(digest)) ?? "");
    this.handler = {
      listed: (pods) => this.#listed(pods),
      changed: (pod) => this.#changed(pod),
      deleted: (pod) => this.#deleted(keyOf(pod)),
    };
  }

  /** Starts to keep pods, or to remove those of an earlier process that kept some. */
  start(): void {
    if (this.#options.bundleFolder) this.#sets.start();
  }

  /** Sets the number of waiting pods of each variant that an organization uses; `undefined`: that of the control server. */
  setSize(org: string, pods: number | undefined): void {
    this.#sets.setSize(org, pods);
  }

  /** Removes the waiting pods of an organization for a while: its quota has no room for its replicas. */
  giveWay(org: string): void {
    this.#sets.giveWay(org);
  }

  /** Removes all waiting pods for a while: the nodes have no room for replicas. */
  giveWayToAll(): void {
    this.#sets.giveWayToAll();
  }

  /** Keeps pods for an endpoint; to be called again when the placement of its organization changes. */
  apply(spec: EndpointSpec): void {
    const key = endpointKey(spec);
    this.#variants.delete(spec);
    if (isWarmable(spec)) this.#sets.add(key, this.#variantOf(spec));
    else this.#sets.remove(key);
  }

  /** Keeps no pods any more for an endpoint. */
  remove(key: string): void {
    this.#sets.remove(key);
  }

  /** Gives warm pods the function of an endpoint that needs replicas, as many as there are. Returns how they become its own; `undefined` if there are none. */
  claim(endpoint: KubernetesEndpoint, count: number): HandOver | undefined {
    const { spec } = endpoint;
    if (count <= 0 || !isWarmable(spec)) return undefined;
    const variant = this.#variantOf(spec);
    this.#sets.used(variant, count);
    const pods = this.#claimable(variant.id).slice(0, count);
    if (pods.length === 0) return undefined;
    for (const pod of pods) this.#start(endpoint, spec, variant, pod);
    return this.#handOvers.of(
      endpoint,
      pods.map(({ facts }) => facts),
      pods.length === count,
    );
  }

  /** Replaces a replica whose process ended, by a warm pod if there is one. */
  async replace(endpoint: KubernetesEndpoint | undefined, facts: PodFacts): Promise<void> {
    const { api, log, signal } = this.#options;
    const handOver = endpoint && this.claim(endpoint, 1);
    await handOver?.inPlaceOf(facts);
    await replacePod(api, facts, log, signal);
    void handOver?.afterScale(true);
  }

  #variantOf(spec: WarmSpec): WarmVariant {
    let variant = this.#variants.get(spec);
    if (variant === undefined) {
      variant = variantOf(spec, this.#options.manifests, this.#options.secret);
      this.#variants.set(spec, variant);
    }
    return variant;
  }

  #claimable(id: string): WarmPod[] {
    return [...this.#pods.values()].filter(
      ({ facts, variant, claim, isTrusted }) =>
        variant === id && !claim && isTrusted && facts.isReady && !facts.deleting && facts.ip !== undefined,
    );
  }

  /** Sends the claim; the replica is ready when it is answered. */
  #start(endpoint: KubernetesEndpoint, spec: WarmSpec, { token }: WarmVariant, pod: WarmPod): void {
    const { api, log, signal, manifests } = this.#options;
    const { facts } = pod;
    pod.claim = { endpoint, spec };
    const send = async (): Promise<ReadyResponse> => {
      const code = await this.#payloads.get(spec.artifact.warm.code);
      const env = Object.fromEntries(podVariables(spec, manifests));
      return sendClaim({ host: facts.ip as string, token, code, env }, signal);
    };
    const loaded = send();
    endpoint.claimed(ownedFacts(facts, spec), loaded);
    loaded.then(
      () => this.#requestMemory(facts, spec),
      (error) => {
        if (signal.aborted) return;
        log.warn(
          { err: error, endpoint: endpointKey(spec), pod: facts.pod },
          "a warm pod took no function, replacing it",
        );
        endpoint.podDeleted(facts.pod);
        this.#handOvers.abandon(facts);
        void api.delete("Pod", facts.namespace, facts.pod, signal).catch(() => {});
      },
    );
  }

  /** Gives a claimed pod the memory request of its endpoint. Its CPU follows as in every pod that has become ready. */
  async #requestMemory(facts: PodFacts, spec: EndpointSpec): Promise<void> {
    const { api, log, signal } = this.#options;
    const { memory = "" } = resourcesOf(spec, spec.cpuMillis).requests ?? {};
    await resizePod(api, facts, { requests: { memory } }, signal).catch((error) => {
      if (signal.aborted || isNotFound(error)) return;
      log.warn(
        { err: error, endpoint: endpointKey(spec), pod: facts.pod },
        "failed to reserve the memory of an endpoint for a warm pod",
      );
    });
  }

  #listed(pods: readonly V1Pod[]): void {
    const present = new Set(pods.map(keyOf));
    for (const key of [...this.#pods.keys()]) if (!present.has(key)) this.#deleted(key);
    for (const pod of pods) this.#changed(pod);
    this.#isListed = true;
  }

  #changed(pod: V1Pod): void {
    const key = keyOf(pod);
    const variant = pod.metadata?.labels?.[LABELS.warm];
    const known = this.#pods.get(key);
    // A pod with an endpoint's labels belongs to it from now on.
    if (variant === undefined) {
      this.#pods.delete(key);
      this.#handOvers.observe(pod);
      return;
    }
    this.#refill.observe(pod);
    if (known) this.#observed(known, podFacts(pod));
    else {
      const added = { facts: podFacts(pod), variant, isTrusted: this.#isListed };
      this.#pods.set(key, added);
      if (!added.isTrusted) void this.#verify(added);
    }
  }

  #observed(known: WarmPod, facts: PodFacts): void {
    known.facts = facts;
    if (known.claim) known.claim.endpoint.observePod(ownedFacts(facts, known.claim.spec));
  }

  #deleted(key: string): void {
    const known = this.#pods.get(key);
    this.#pods.delete(key);
    this.#refill.deleted(key);
    known?.claim?.endpoint.podDeleted(known.facts.pod);
  }

  /** Finds out whether a pod waits. One that an earlier process of the control server gave a function, but did not hand over, belongs to nobody. */
  async #verify(pod: WarmPod): Promise<void> {
    const { api, log, signal } = this.#options;
    const { facts } = pod;
    const isWarm = facts.ip === undefined || !facts.isReady || (await this.#isStillWarm(facts.ip));
    if (signal.aborted) return;
    pod.isTrusted = isWarm;
    if (isWarm) return;
    log.warn({ pod: facts.pod }, "a warm pod has a function and no endpoint, replacing it");
    await api.delete("Pod", facts.namespace, facts.pod, signal).catch(() => {});
  }

  /** Asks a pod whether it still waits for a function. False if it does not, or does not respond. */
  async #isStillWarm(host: string): Promise<boolean> {
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(PROBE_MS)]);
    const createConnection = () => connect({ host, port: PORT, signal });
    return probeReady({ createConnection }, signal).then(
      ({ isWarm = false }) => isWarm,
      () => false,
    );
  }
}

const keyOf = ({ metadata }: V1Pod) => `${metadata?.namespace}/${metadata?.name}`;

/** Returns the facts about a claimed pod whose labels do not say yet whose it is. */
const ownedFacts = (facts: PodFacts, { org, endpoint, revision, cpuMillis }: EndpointSpec): PodFacts => ({
  ...facts,
  ...{ org, endpoint, revision, endpointCpuMillis: cpuMillis },
});
