import { setTimeout as delay, setImmediate } from "node:timers/promises";
import {
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  FaasError,
  type Logger,
} from "@faas/core";
import type { V1Deployment } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { ClusterError } from "../client/cluster-error.ts";
import type { KubernetesObject } from "../client/objects.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import type { OrganizationNamespaces } from "../organizations/namespaces.ts";
import { deploymentFailure } from "./deployment-failure.ts";
import { DisruptionBudgets } from "./disruption-budgets.ts";
import { DriftTracker } from "./drift-tracker.ts";
import { forceApply } from "./force-apply.ts";
import { assertNotForeign } from "./foreign-deployment.ts";
import {
  autoscalerManifest,
  deploymentManifest,
  digestOf,
  serviceManifest,
  serviceName,
} from "./manifests/endpoint.ts";
import { APPLIED, type ManifestOptions, namespaceOf } from "./manifests/labels.ts";
import { manifestOf } from "./manifests/of-kind.ts";
import { ENDPOINT_KINDS, type EndpointKind, ObjectCache } from "./object-cache.ts";
import { ReplicaScaler } from "./replica-scaler.ts";

const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 15_000;
/** Number of endpoints to compare with the cluster in one turn of the event loop. */
const BATCH_SIZE = 50;
const MAX_SETTLE_MS = 5_000;
const SETTLE_STEP_MS = 25;

export interface ReconcilerOptions {
  readonly api: KubernetesApi;
  readonly manifests: ManifestOptions;
  readonly namespaces: OrganizationNamespaces;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Applied endpoints by key. */
  readonly endpoints: ReadonlyMap<string, KubernetesEndpoint>;
  /** Called when the list of Deployments changed. */
  readonly onDeploymentsChanged: () => void;
}

/** Brings the objects of all endpoints to their desired state, and reverts changes and deletions from outside when they are observed. */
export class Reconciler {
  readonly cache: ObjectCache;
  readonly #options: ReconcilerOptions;
  readonly #drift: DriftTracker;
  readonly #scaler: ReplicaScaler;
  readonly #budgets: DisruptionBudgets;
  readonly #running = new Map<string, { isOutdated: boolean; readonly firstAttempt: Promise<void> }>();
  readonly #removing = new Set<string>();
  /** Keys of Deployments that may belong to no endpoint. */
  readonly #unowned = new Set<string>();
  readonly #digests = new WeakMap<EndpointSpec, string>();
  #isListed = false;
  /** Ends the backoff of all endpoints. */
  #backoff = new AbortController();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { api, log, signal } = options;
    this.cache = new ObjectCache({
      onObserved: (kind, key, object, isNew) => this.#observed(kind, key, object, isNew),
      onDeleted: (kind, key) => this.#deleted(kind, key),
    });
    this.#drift = new DriftTracker({ log, signal, reapply: (key) => void this.reconcile(key) });
    this.#scaler = new ReplicaScaler({ api, cache: this.cache, log });
    this.#budgets = new DisruptionBudgets({ api, cache: this.cache, manifests: options.manifests });
  }

  /** Starts to reconcile, after all kinds were listed once. */
  start(): void {
    this.#isListed = true;
    void this.#reconcileAll([...this.#options.endpoints.keys()]);
  }

  /** Reports the Deployment of a removed endpoint as unowned while it exists. */
  abandon(key: string): void {
    this.#unowned.add(key);
  }

  /** Returns the statuses of Deployments that belong to no applied endpoint. */
  unownedStatuses(): readonly EndpointStatus[] {
    const statuses: EndpointStatus[] = [];
    for (const key of this.#unowned) {
      const deployment = this.cache.deployment(key);
      if (!deployment || this.#options.endpoints.has(key)) this.#unowned.delete(key);
      else if (!this.#removing.has(key)) {
        const { org, endpoint, revision } = deployment;
        statuses.push({ org, endpoint, revision, replicas: [] });
      }
    }
    return statuses;
  }

  /** Reconciles the endpoints of an organization that lost its namespace, or an object in it, or whose placement changed. */
  reconcileOrganization(org: string): void {
    for (const [key, { spec }] of this.#options.endpoints) {
      if (spec.org !== org) continue;
      this.#digests.delete(spec);
      void this.reconcile(key);
    }
  }

  /** Ends all backoffs, when the cluster is reachable again. */
  retryNow(): void {
    this.#backoff.abort();
    this.#backoff = new AbortController();
  }

  /** Reconciles an endpoint. Resolves when the cluster is in the desired state, or when an attempt failed and will be repeated. */
  reconcile(key: string): Promise<void> {
    const running = this.#running.get(key);
    if (running) {
      running.isOutdated = true;
      return running.firstAttempt;
    }
    if (!this.#isListed) return Promise.resolve();
    const first = Promise.withResolvers<void>();
    const run = { isOutdated: false, firstAttempt: first.promise };
    this.#running.set(key, run);
    void this.#reconcileUntilDone(key, run, first.resolve);
    return first.promise;
  }

  /** Returns true if an endpoint's Deployment is in the cluster as it was applied last. */
  isApplied({ spec }: KubernetesEndpoint): boolean {
    return this.cache.deployment(endpointKey(spec))?.applied === this.#digestOf(spec);
  }

  /** Sets the desired number of replicas in the cluster, as soon as `prepared` resolves. */
  async scale(endpoint: KubernetesEndpoint, previous: number, prepared?: Promise<void>, signal?: AbortSignal) {
    const { spec, desired = 0 } = endpoint;
    const key = endpointKey(spec);
    if (!this.cache.has("Deployment", key)) return this.reconcile(key);
    if (spec.scaler === "cpu") {
      // The autoscaler has a new minimum.
      if (previous > 0 && desired > 0) return this.reconcile(key);
      if (desired === 0) await this.#scaler.deleteAutoscaler(spec, signal);
    }
    const observed = this.cache.deployment(key);
    if (observed) await this.#scaler.scale(endpoint, observed, prepared, signal);
    if (spec.scaler === "cpu") void this.reconcile(key);
  }

  async remove(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    const { api } = this.#options;
    const key = endpointKey(ref);
    const namespace = namespaceOf(ref.org);
    this.#removing.add(key);
    try {
      await this.#running.get(key)?.firstAttempt;
      const { cache } = this;
      if (cache.has("HorizontalPodAutoscaler", key))
        await api.delete("HorizontalPodAutoscaler", namespace, ref.endpoint, signal);
      await this.#budgets.delete(ref, signal);
      if (cache.has("Deployment", key)) await api.delete("Deployment", namespace, ref.endpoint, signal);
      if (cache.has("Service", key)) await api.delete("Service", namespace, serviceName(ref.endpoint), signal);
      for (const kind of ENDPOINT_KINDS) {
        cache.deleted(kind, key);
        this.#drift.forget(kind, key);
      }
      this.#scaler.forget(key);
    } finally {
      this.#removing.delete(key);
    }
  }

  /** Reconciles in batches, so that requests are served in between. */
  async #reconcileAll(keys: readonly string[]): Promise<void> {
    for (let i = 0; i < keys.length && !this.#options.signal.aborted; i += BATCH_SIZE) {
      for (const key of keys.slice(i, i + BATCH_SIZE)) void this.reconcile(key);
      await setImmediate();
    }
  }

  async #reconcileUntilDone(key: string, run: { isOutdated: boolean }, onAttempted: () => void): Promise<void> {
    const { signal, log, endpoints } = this.#options;
    let retryMs = MIN_RETRY_MS;
    while (!signal.aborted) {
      const endpoint = endpoints.get(key);
      if (!endpoint) break;
      run.isOutdated = false;
      try {
        await this.#reconcileOnce(key, endpoint);
        if (run.isOutdated) continue;
        break;
      } catch (error) {
        if (signal.aborted) break;
        log.warn({ err: error, endpoint: key }, "failed to reconcile endpoint, will retry");
        this.#handleFailure(endpoint, error);
        onAttempted();
        const backoff = this.#backoff.signal;
        await delay(retryMs, undefined, { signal: AbortSignal.any([signal, backoff]) }).catch(() => {});
        retryMs = backoff.aborted ? MIN_RETRY_MS : Math.min(MAX_RETRY_MS, retryMs * 2);
      }
    }
    this.#running.delete(key);
    onAttempted();
  }

  #handleFailure(endpoint: KubernetesEndpoint, error: unknown): void {
    // The namespace was deleted, but the watch has not reported it yet: the next attempt recreates it.
    if (error instanceof ClusterError && error.lacksNamespace) this.#options.namespaces.forget(endpoint.spec.org);
    else if (error instanceof FaasError && !isTransient(error))
      endpoint.podCreationFailed({ code: error.code, detail: error.message });
  }

  /** Compares the desired state with the observed one, and applies the differences. */
  async #reconcileOnce(key: string, endpoint: KubernetesEndpoint): Promise<void> {
    const { manifests, namespaces, signal } = this.#options;
    const { spec } = endpoint;
    await namespaces.ensure(spec.org, signal);
    const deployment = deploymentManifest(spec, namespaces.manifestOptionsOf(spec.org));
    const digest = this.#digestOf(spec);
    const observed = this.cache.deployment(key);
    endpoint.desired ??= observed?.replicas ?? 0;
    for (const kind of ENDPOINT_KINDS) {
      const object = this.#drift.deferred(kind, key);
      if (object) this.#checkDrift(kind, key, object);
    }
    const isOutdated = observed?.applied !== digest;
    if (isOutdated || this.#drift.hasDrifted("Deployment", key)) {
      if (observed) await this.#settle(endpoint, observed.revision);
      await this.#applyDeployment(endpoint, deployment, digest);
    }
    if (isOutdated || !this.cache.has("Service", key) || this.#drift.hasDrifted("Service", key)) {
      await this.#apply(key, serviceManifest(spec, manifests) as KubernetesObject);
      this.cache.created("Service", key);
    }
    if (endpoint.spec !== spec) return;
    const hasDrifted = isOutdated || this.#drift.hasDrifted("PodDisruptionBudget", key);
    await this.#budgets.reconcile(spec, hasDrifted, (manifest) => this.#apply(key, manifest), signal);
    await this.#reconcileReplicas(key, endpoint);
  }

  /**
   * Waits a limited time until Kubernetes considers the ready replicas ready as well: a new rollout first removes the replicas that Kubernetes does not
   * consider ready.
   */
  async #settle(endpoint: KubernetesEndpoint, revision: string): Promise<void> {
    const { signal } = this.#options;
    for (let waitedMs = 0; waitedMs < MAX_SETTLE_MS && endpoint.isSettling(revision); waitedMs += SETTLE_STEP_MS)
      await delay(SETTLE_STEP_MS, undefined, { signal });
  }

  async #reconcileReplicas(key: string, endpoint: KubernetesEndpoint): Promise<void> {
    const { manifests, signal } = this.#options;
    const { spec, desired = 0 } = endpoint;
    const observed = this.cache.deployment(key);
    if (!observed) return;
    await this.#scaler.reconcile(endpoint, observed, signal);
    if (spec.scaler === "cpu" && desired > 0) {
      // Applied each time, because its limits may have changed; applying the same object again has no effect.
      await this.#apply(key, autoscalerManifest(spec, manifests, endpoint.requested) as KubernetesObject);
      this.cache.created("HorizontalPodAutoscaler", key);
    } else if (this.cache.has("HorizontalPodAutoscaler", key)) {
      await this.#scaler.deleteAutoscaler(spec, signal);
    }
  }

  async #applyDeployment(endpoint: KubernetesEndpoint, manifest: V1Deployment, digest: string): Promise<void> {
    const { spec } = endpoint;
    const { api, manifests } = this.#options;
    const key = endpointKey(spec);
    if (!this.cache.has("Deployment", key)) await assertNotForeign(api, spec, manifests.instance);
    const replicas = this.#scaler.replicasToApply(endpoint, this.cache.deployment(key));
    const applied = await this.#apply<V1Deployment>(key, {
      ...manifest,
      metadata: { ...manifest.metadata, annotations: { [APPLIED]: digest } },
      spec: { ...manifest.spec, replicas } as NonNullable<V1Deployment["spec"]>,
    });
    this.cache.observe(applied);
  }

  /** Applies an object, and reverts changes from outside if there are any. */
  async #apply<T extends KubernetesObject>(key: string, manifest: T): Promise<T> {
    const { api, signal } = this.#options;
    const kind = manifest.kind as EndpointKind;
    if (!this.#drift.hasDrifted(kind, key)) return api.apply(manifest, signal);
    const applied = await forceApply(api, manifest, signal);
    this.#drift.reapplied(kind, key);
    return applied;
  }

  /** Returns the digest of an endpoint's manifests, without the quota's bound on the startup boost: a changed quota must not restart replicas. */
  #digestOf(spec: EndpointSpec): string {
    const { manifests } = this.#options;
    let digest = this.#digests.get(spec);
    if (digest === undefined) {
      digest = digestOf([serviceManifest(spec, manifests), deploymentManifest(spec, manifests)]);
      this.#digests.set(spec, digest);
    }
    return digest;
  }

  /** Checks an object for changes from outside, or defers that until the applied state is the desired one. */
  #checkDrift(kind: EndpointKind, key: string, object: KubernetesObject): void {
    const { endpoints, manifests } = this.#options;
    const spec = endpoints.get(key)?.spec;
    if (spec && this.cache.deployment(key)?.applied === this.#digestOf(spec))
      this.#drift.check(kind, key, object, manifestOf(kind, spec, manifests));
    // No reconciliation is running, so another Deployment has replaced the applied one, for example by `kubectl rollout undo`.
    else if (spec && kind === "Deployment" && this.#isListed && !this.#running.has(key))
      this.#drift.check(kind, key, object, undefined);
    else this.#drift.defer(kind, key, object);
  }

  #observed(kind: EndpointKind, key: string, object: KubernetesObject, isNew: boolean): void {
    this.#checkDrift(kind, key, object);
    if (kind !== "Deployment") return;
    const deployment = object as V1Deployment;
    const endpoint = this.#options.endpoints.get(key);
    if (!endpoint) this.#unowned.add(key);
    if (isNew) this.#options.onDeploymentsChanged();
    if (!endpoint || !this.#isListed) return;
    endpoint.observeAutoscaler(endpoint.spec.scaler === "cpu" ? deployment.spec?.replicas : undefined);
    endpoint.observeDeployment((endpoint.desired ?? 0) > 0 ? deploymentFailure(deployment) : undefined);
    const observed = this.cache.deployment(key);
    const isAdopted = observed !== undefined && this.#scaler.adopt(endpoint, observed);
    if (!observed || endpoint.desired === undefined || isAdopted || this.#scaler.hasDrifted(endpoint, observed))
      void this.reconcile(key);
  }

  #deleted(kind: EndpointKind, key: string): void {
    const { endpoints, log, onDeploymentsChanged } = this.#options;
    this.#drift.forget(kind, key);
    if (kind === "Deployment") onDeploymentsChanged();
    if (!endpoints.has(key) || this.#removing.has(key)) return;
    log.warn({ endpoint: key, kind }, "object was deleted outside faas, recreating it");
    void this.reconcile(key);
  }
}

const isTransient = (error: FaasError) =>
  error instanceof ClusterError ? error.isTransient : error.code === "NAMESPACE_TERMINATING";
