import { setTimeout as delay, setImmediate } from "node:timers/promises";
import { type EndpointRef, type EndpointSpec, type EndpointStatus, endpointKey, FaasError } from "@faas/core";
import type { V1Deployment } from "@kubernetes/client-node";
import type { PlatformLog } from "../../common/platform-log.ts";
import { ClusterError, type KubernetesApi, type KubernetesObject, pathOf } from "../client/api-client.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import type { KubernetesOrgs } from "../organizations/namespaces.ts";
import { deploymentTrouble, type PodFacts } from "../pods/pod-facts.ts";
import { ForeignChanges } from "./drift-tracker.ts";
import { forceApply } from "./force-apply.ts";
import {
  APPLIED,
  autoscalerManifest,
  CONTAINER,
  deploymentManifest,
  digestOf,
  LABELS,
  type ManifestOptions,
  namespaceOf,
  serviceManifest,
  serviceName,
} from "./manifests.ts";
import { type ObservedDeployment, ObservedObjects, PARTS, type Part } from "./object-cache.ts";

const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 15_000;
/** Endpoints that are compared with the cluster in one turn of the event loop. */
const AT_ONCE = 50;
const SETTLE_MOST_MS = 5_000;
const SETTLE_STEP_MS = 25;
/** Field manager of the number of replicas, so that applying a revision does not touch it. */
const SCALER = "faas-scaler";

export interface ObjectsOptions {
  readonly api: KubernetesApi;
  readonly manifests: ManifestOptions;
  readonly orgs: KubernetesOrgs;
  readonly log: PlatformLog;
  readonly signal: AbortSignal;
  /** Those that were applied, by key. */
  readonly endpoints: ReadonlyMap<string, KubernetesEndpoint>;
  readonly changed: () => void;
}

/** Brings the objects of all endpoints to what is wanted. Whatever somebody else changes or deletes is mended when it is seen. */
export class KubernetesObjects {
  readonly observed: ObservedObjects;
  readonly #options: ObjectsOptions;
  readonly #changes: ForeignChanges;
  readonly #work = new Map<string, { again: boolean; readonly done: Promise<void> }>();
  readonly #removing = new Set<string>();
  /** Keys of Deployments that may belong to no endpoint. */
  readonly #strangers = new Set<string>();
  /** Endpoints whose number of replicas is being set: what is observed meanwhile is no news. */
  readonly #setting = new Set<string>();
  /** Endpoints that get fewer replicas when their roll has ended. */
  readonly #deferred = new Set<string>();
  readonly #digests = new WeakMap<EndpointSpec, string>();
  #isListed = false;
  /** Ends the waits for the next attempts. */
  #waiting = new AbortController();

  constructor(options: ObjectsOptions) {
    this.#options = options;
    const { log, signal } = options;
    this.observed = new ObservedObjects({
      seen: (kind, key, object, isNew) => this.#seen(kind, key, object, isNew),
      gone: (kind, key) => this.#gone(kind, key),
    });
    this.#changes = new ForeignChanges({ log, signal, mend: (key) => void this.reconcile(key) });
  }

  /** Everything was listed once: what is wanted can be compared with what is there. */
  listed(): void {
    this.#isListed = true;
    void this.#reconcileAll([...this.#options.endpoints.keys()]);
  }

  /** A few at a time: there are many endpoints, and requests in between. */
  async #reconcileAll(keys: readonly string[]): Promise<void> {
    for (let i = 0; i < keys.length && !this.#options.signal.aborted; i += AT_ONCE) {
      for (const key of keys.slice(i, i + AT_ONCE)) void this.reconcile(key);
      await setImmediate();
    }
  }

  /** The endpoint is none any more; its Deployment may be there for a while. */
  abandoned(key: string): void {
    this.#strangers.add(key);
  }

  /** Deployments that belong to no endpoint that was applied. */
  others(): readonly EndpointStatus[] {
    const others: EndpointStatus[] = [];
    for (const key of this.#strangers) {
      const deployment = this.observed.deployment(key);
      if (!deployment || this.#options.endpoints.has(key)) this.#strangers.delete(key);
      else if (!this.#removing.has(key)) {
        const { org, endpoint, revision } = deployment;
        others.push({ org, endpoint, revision, replicas: [] });
      }
    }
    return others;
  }

  /** An organization lost its namespace, or something in it. */
  lostIn(org: string): void {
    for (const [key, { spec }] of this.#options.endpoints) if (spec.org === org) void this.reconcile(key);
  }

  /** The cluster was away, and is there again. */
  retryAtOnce(): void {
    this.#waiting.abort();
    this.#waiting = new AbortController();
  }

  /** Resolves when the cluster has what is wanted, or when that has to be tried again later. */
  reconcile(key: string): Promise<void> {
    const working = this.#work.get(key);
    if (working) {
      working.again = true;
      return working.done;
    }
    if (!this.#isListed) return Promise.resolve();
    const first = Promise.withResolvers<void>();
    const work = { again: false, done: first.promise };
    this.#work.set(key, work);
    void this.#reconcileUntilDone(key, work, first.resolve);
    return first.promise;
  }

  /** Tells the cluster the number of replicas that is wanted. */
  async scale(endpoint: KubernetesEndpoint, before: number, signal?: AbortSignal): Promise<void> {
    const { spec, desired = 0 } = endpoint;
    const key = endpointKey(spec);
    const observed = this.observed.deployment(key);
    if (!observed) return this.reconcile(key);
    if (spec.scaler === "cpu") {
      if (before > 0 && desired > 0) return;
      if (desired === 0) await this.#deleteAutoscaler(spec, signal);
    }
    const replicas = this.#deferring(key, desired);
    if (observed.replicas !== replicas) await this.#setReplicas(spec, replicas, signal);
    if (spec.scaler === "cpu") void this.reconcile(key);
  }

  async remove(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    const { api } = this.#options;
    const key = endpointKey(ref);
    const namespace = namespaceOf(ref.org);
    this.#removing.add(key);
    try {
      await this.#work.get(key)?.done;
      const { observed } = this;
      if (observed.has("HorizontalPodAutoscaler", key))
        await api.delete("HorizontalPodAutoscaler", namespace, ref.endpoint, signal);
      if (observed.has("Deployment", key)) await api.delete("Deployment", namespace, ref.endpoint, signal);
      if (observed.has("Service", key)) await api.delete("Service", namespace, serviceName(ref.endpoint), signal);
      for (const kind of PARTS) {
        observed.deleted(kind, key);
        this.#changes.forget(kind, key);
      }
      this.#deferred.delete(key);
    } finally {
      this.#removing.delete(key);
    }
  }

  async resize({ namespace, pod }: PodFacts, cpuMillis: number): Promise<void> {
    await this.#options.api.call("PATCH", `${pathOf("Pod", namespace, pod)}/resize`, {
      body: { spec: { containers: [{ name: CONTAINER, resources: { limits: { cpu: `${cpuMillis}m` } } }] } },
      contentType: "application/strategic-merge-patch+json",
      signal: this.#options.signal,
    });
  }

  async #reconcileUntilDone(key: string, work: { again: boolean }, attempted: () => void): Promise<void> {
    const { signal, log, endpoints } = this.#options;
    let wait = RETRY_FIRST_MS;
    while (!signal.aborted) {
      const endpoint = endpoints.get(key);
      if (!endpoint) break;
      work.again = false;
      try {
        await this.#reconcile(key, endpoint);
        if (work.again) continue;
        break;
      } catch (error) {
        if (signal.aborted) break;
        log.warn(
          { err: error, endpoint: key },
          "an endpoint's objects could not be brought to what is wanted; trying again",
        );
        // Deleted, and that was not told yet: the next attempt makes it again.
        if (error instanceof ClusterError && error.lacksNamespace) this.#options.orgs.forget(endpoint.spec.org);
        else if (error instanceof FaasError && !isTransient(error))
          endpoint.refused({ code: error.code, detail: error.message });
        attempted();
        const waiting = this.#waiting.signal;
        await delay(wait, undefined, { signal: AbortSignal.any([signal, waiting]) }).catch(() => {});
        wait = waiting.aborted ? RETRY_FIRST_MS : Math.min(RETRY_MOST_MS, wait * 2);
      }
    }
    this.#work.delete(key);
    attempted();
  }

  /** One comparison of what is wanted with what was observed. */
  async #reconcile(key: string, endpoint: KubernetesEndpoint): Promise<void> {
    const { manifests, orgs, signal } = this.#options;
    const { spec } = endpoint;
    await orgs.ensure(spec.org, signal);
    const deployment = deploymentManifest(spec, orgs.manifestsOf(spec.org));
    const digest = this.#digestOf(spec);
    const observed = this.observed.deployment(key);
    endpoint.desired ??= observed?.replicas ?? 0;
    for (const kind of PARTS) {
      const object = this.#changes.unchecked(kind, key);
      if (object) this.#check(kind, key, object);
    }
    const isOther = observed?.applied !== digest;
    if (isOther || this.#changes.has("Deployment", key)) {
      if (observed) await this.#settled(endpoint, observed.revision);
      await this.#applyDeployment(endpoint, deployment, digest, observed);
    }
    if (isOther || !this.observed.has("Service", key) || this.#changes.has("Service", key)) {
      await this.#set(key, serviceManifest(spec, manifests) as KubernetesObject, signal);
      this.observed.made("Service", key);
    }
    if (endpoint.spec !== spec) return;
    await this.#mendReplicas(key, endpoint);
  }

  /**
   * Waits, for a bounded time, until Kubernetes takes the replicas that serve for ready as well: at the begin of the next rollout it ends those
   * that are not, before any other.
   */
  async #settled(endpoint: KubernetesEndpoint, revision: string): Promise<void> {
    const { signal } = this.#options;
    for (let waitedMs = 0; waitedMs < SETTLE_MOST_MS && endpoint.isSettling(revision); waitedMs += SETTLE_STEP_MS)
      await delay(SETTLE_STEP_MS, undefined, { signal });
  }

  async #mendReplicas(key: string, { spec, desired = 0 }: KubernetesEndpoint): Promise<void> {
    const { manifests, signal, log } = this.#options;
    const observed = this.observed.deployment(key);
    if (!observed) return;
    // The autoscaler's number is its own.
    const isScaled = spec.scaler === "cpu" && desired > 0 && observed.replicas > 0;
    const replicas = this.#replicasNow(key, desired);
    if (!isScaled && observed.replicas !== replicas) {
      if (!this.#deferred.delete(key))
        log.warn(
          { endpoint: key, found: observed.replicas, wanted: desired },
          "the number of replicas was not the wanted one: set again",
        );
      if (spec.scaler === "cpu" && desired === 0) await this.#deleteAutoscaler(spec, signal);
      await this.#setReplicas(spec, replicas, signal);
    }
    const wantsAutoscaler = spec.scaler === "cpu" && desired > 0;
    if (wantsAutoscaler) {
      // Its bounds may have changed: applying what is there already changes nothing.
      await this.#set(key, autoscalerManifest(spec, manifests) as KubernetesObject, signal);
      this.observed.made("HorizontalPodAutoscaler", key);
    } else if (this.observed.has("HorizontalPodAutoscaler", key)) {
      await this.#deleteAutoscaler(spec, signal);
    }
  }

  async #applyDeployment(
    { spec, desired = 0 }: KubernetesEndpoint,
    manifest: V1Deployment,
    digest: string,
    observed: ObservedDeployment | undefined,
  ): Promise<void> {
    const { signal } = this.#options;
    if (!observed) await this.#refuseForeign(spec);
    // The autoscaler's number is its own. It is said all the same: one that nobody owns any more would fall back to 1.
    const isScaled = spec.scaler === "cpu" && desired > 0 && (observed?.replicas ?? 0) > 0;
    const replicas = isScaled ? observed?.replicas : this.#deferring(endpointKey(spec), desired);
    const applied = await this.#set<V1Deployment>(
      endpointKey(spec),
      {
        ...manifest,
        metadata: { ...manifest.metadata, annotations: { [APPLIED]: digest } },
        spec: { ...manifest.spec, replicas } as NonNullable<V1Deployment["spec"]>,
      },
      signal,
    );
    this.observed.observe(applied);
  }

  /** Applies; what somebody else changed is all set again. */
  async #set<T extends KubernetesObject>(key: string, manifest: T, signal: AbortSignal): Promise<T> {
    const { api } = this.#options;
    const kind = manifest.kind as Part;
    if (!this.#changes.has(kind, key)) return api.apply(manifest, signal);
    const set = await forceApply(api, manifest, signal);
    this.#changes.mended(kind, key);
    return set;
  }

  /** Not of the boost as the quota bounds it: a changed quota is no reason to start replicas anew. */
  #digestOf(spec: EndpointSpec): string {
    const { manifests } = this.#options;
    let digest = this.#digests.get(spec);
    if (digest === undefined) {
      digest = digestOf([serviceManifest(spec, manifests), deploymentManifest(spec, manifests)]);
      this.#digests.set(spec, digest);
    }
    return digest;
  }

  /** Did somebody else change what we applied? That can be told once what is applied is what is wanted. */
  #check(kind: Part, key: string, object: KubernetesObject): void {
    const { endpoints, manifests } = this.#options;
    const spec = endpoints.get(key)?.spec;
    if (spec && this.observed.deployment(key)?.applied === this.#digestOf(spec))
      this.#changes.check(kind, key, object, manifestOf(kind, spec, manifests));
    // Nobody is about to apply it: somebody put another one in its place, `kubectl rollout undo` for instance.
    else if (spec && kind === "Deployment" && this.#isListed && !this.#work.has(key))
      this.#changes.check(kind, key, object, undefined);
    else this.#changes.later(kind, key, object);
  }

  /** What somebody else made under the endpoint's name is left alone. */
  async #refuseForeign({ org, endpoint }: EndpointRef): Promise<void> {
    const found = await this.#options.api.get<V1Deployment>("Deployment", namespaceOf(org), endpoint);
    const { instance } = this.#options.manifests;
    if (!found || found.metadata?.labels?.[LABELS.instance] === instance) return;
    throw new FaasError(
      "CLUSTER_REFUSED",
      `The namespace ${namespaceOf(org)} has a Deployment "${endpoint}" that this faas server did not make; it was not touched. Choose another endpoint name, or remove it`,
    );
  }

  /**
   * What can be set now of what is wanted. Fewer in the middle of a roll would be taken from all revisions in proportion, also from the
   * new one's that serve already ("Proportional scaling" of Deployments): that has to wait for the roll's end.
   */
  #replicasNow(key: string, desired: number): number {
    const observed = this.observed.deployment(key);
    return observed?.rolling && desired > 0 && desired < observed.replicas ? observed.replicas : desired;
  }

  /** The same, and it is known later why there are more than are wanted. */
  #deferring(key: string, desired: number): number {
    const replicas = this.#replicasNow(key, desired);
    if (replicas === desired) this.#deferred.delete(key);
    else this.#deferred.add(key);
    return replicas;
  }

  async #setReplicas(ref: EndpointRef, replicas: number, signal?: AbortSignal): Promise<void> {
    const key = endpointKey(ref);
    const path = `${pathOf("Deployment", namespaceOf(ref.org), ref.endpoint)}/scale`;
    this.#setting.add(key);
    const { metadata } = await this.#options.api
      .call<KubernetesObject>("PATCH", path, {
        body: { spec: { replicas } },
        contentType: "application/merge-patch+json",
        query: { fieldManager: SCALER },
        signal,
      })
      .finally(() => this.#setting.delete(key));
    this.observed.scaled(key, replicas, metadata?.resourceVersion);
  }

  async #deleteAutoscaler(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    const key = endpointKey(ref);
    if (!this.observed.deleted("HorizontalPodAutoscaler", key)) return;
    await this.#options.api.delete("HorizontalPodAutoscaler", namespaceOf(ref.org), ref.endpoint, signal);
  }

  #seen(kind: Part, key: string, object: KubernetesObject, isNew: boolean): void {
    this.#check(kind, key, object);
    if (kind !== "Deployment") return;
    const deployment = object as V1Deployment;
    const endpoint = this.#options.endpoints.get(key);
    if (!endpoint) this.#strangers.add(key);
    if (isNew) this.#options.changed();
    if (!endpoint || !this.#isListed) return;
    endpoint.observeAutoscaler(endpoint.spec.scaler === "cpu" ? deployment.spec?.replicas : undefined);
    endpoint.observeDeployment((endpoint.desired ?? 0) > 0 ? deploymentTrouble(deployment) : undefined);
    if (this.#needsMending(key, endpoint)) void this.reconcile(key);
  }

  #needsMending(key: string, { spec, desired }: KubernetesEndpoint): boolean {
    const observed = this.observed.deployment(key);
    if (!observed || desired === undefined) return true;
    if (this.#setting.has(key)) return false;
    if (spec.scaler === "cpu") return desired === 0 ? observed.replicas > 0 : observed.replicas === 0;
    return observed.replicas !== this.#replicasNow(key, desired);
  }

  #gone(kind: Part, key: string): void {
    const { endpoints, log, changed } = this.#options;
    this.#changes.forget(kind, key);
    if (kind === "Deployment") changed();
    if (!endpoints.has(key) || this.#removing.has(key)) return;
    log.warn({ endpoint: key, kind }, "an object was deleted by somebody else: made again");
    void this.reconcile(key);
  }
}

const isTransient = (error: FaasError) =>
  error instanceof ClusterError ? error.isTransient : error.code === "NAMESPACE_TERMINATING";

function manifestOf(kind: Part, spec: EndpointSpec, options: ManifestOptions): KubernetesObject {
  if (kind === "Deployment") return deploymentManifest(spec, options) as KubernetesObject;
  if (kind === "Service") return serviceManifest(spec, options) as KubernetesObject;
  return autoscalerManifest(spec, options) as KubernetesObject;
}
