import { setTimeout as delay } from "node:timers/promises";
import { type EndpointRef, type EndpointSpec, type EndpointStatus, endpointKey, FaasError } from "@faas/core";
import type { V1Deployment } from "@kubernetes/client-node";
import { ClusterError, type Kind, type KubernetesApi, type KubernetesObject, pathOf } from "./kubernetes-api.ts";
import { driftOf } from "./kubernetes-drift.ts";
import type { KubernetesEndpoint } from "./kubernetes-endpoint.ts";
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
} from "./kubernetes-manifests.ts";
import type { KubernetesOrgs } from "./kubernetes-orgs.ts";
import { deploymentTrouble, type PodFacts } from "./kubernetes-pods.ts";
import { MendingPace, setAgain } from "./kubernetes-set-again.ts";
import type { WatchHandler } from "./kubernetes-watch.ts";
import type { PlatformLog } from "./platform-log.ts";

const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 15_000;
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

/** What an endpoint has of its own. */
type Part = "Deployment" | "Service" | "HorizontalPodAutoscaler";
const PARTS: readonly Part[] = ["Deployment", "Service", "HorizontalPodAutoscaler"];
const nameOf = (kind: Part, key: string) => `${kind} ${key}`;

interface ObservedDeployment extends EndpointRef {
  readonly revision: string;
  readonly replicas: number;
  /** Pods of a former revision are still there. */
  readonly rolling: boolean;
  readonly applied: string | undefined;
  readonly version: bigint;
  readonly uid: string;
}

/**
 * The objects of all endpoints: what is observed of them, and the writing that brings them to what is wanted. Whatever somebody else
 * changes or deletes is mended when it is seen.
 */
export class KubernetesObjects {
  readonly deployments: WatchHandler<V1Deployment>;
  readonly services: WatchHandler<KubernetesObject>;
  readonly autoscalers: WatchHandler<KubernetesObject>;
  readonly #options: ObjectsOptions;
  readonly #deployments = new Map<string, ObservedDeployment>();
  readonly #services = new Set<string>();
  readonly #autoscalers = new Set<string>();
  readonly #work = new Map<string, { again: boolean; readonly done: Promise<void> }>();
  readonly #removing = new Set<string>();
  /** Deployments that we deleted, by uid: what comes of them late is no news. */
  readonly #deleted = new Set<string>();
  /** Endpoints whose number of replicas is being set: what is observed meanwhile is no news. */
  readonly #setting = new Set<string>();
  /** Endpoints that get fewer replicas when their roll has ended. */
  readonly #deferred = new Set<string>();
  /** What was observed before it was known what is wanted of it, by kind and key. */
  readonly #unchecked = new Map<string, KubernetesObject>();
  /** What somebody else changed, and is to be set again, by kind and key. */
  readonly #changed = new Set<string>();
  readonly #pace = new MendingPace();
  readonly #digests = new WeakMap<EndpointSpec, string>();
  #isListed = false;
  /** Ends the waits for the next attempts. */
  #waiting = new AbortController();

  constructor(options: ObjectsOptions) {
    this.#options = options;
    this.deployments = {
      listed: (all) => {
        const present = new Set(all.map(keyOf));
        for (const key of [...this.#deployments.keys()]) if (!present.has(key)) this.#deploymentGone(key);
        this.#deleted.clear();
        for (const one of all) this.#observe(one);
      },
      changed: (one) => this.#observe(one),
      deleted: (one) => {
        if (!this.#deleted.delete(one.metadata?.uid ?? "")) this.#deploymentGone(keyOf(one));
      },
    };
    this.services = this.#presence(this.#services, "Service");
    this.autoscalers = this.#presence(this.#autoscalers, "HorizontalPodAutoscaler");
  }

  /** Everything was listed once: what is wanted can be compared with what is there. */
  listed(): void {
    this.#isListed = true;
    for (const key of this.#options.endpoints.keys()) void this.reconcile(key);
  }

  /** Deployments that belong to no endpoint that was applied. */
  others(): readonly EndpointStatus[] {
    const others: EndpointStatus[] = [];
    for (const [key, { org, endpoint, revision }] of this.#deployments)
      if (!this.#options.endpoints.has(key) && !this.#removing.has(key))
        others.push({ org, endpoint, revision, replicas: [] });
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
    void this.#reconcileAll(key, work, first.resolve);
    return first.promise;
  }

  /** Tells the cluster the number of replicas that is wanted. */
  async scale(endpoint: KubernetesEndpoint, before: number, signal?: AbortSignal): Promise<void> {
    const { spec, desired = 0 } = endpoint;
    const key = endpointKey(spec);
    const observed = this.#deployments.get(key);
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
      if (this.#autoscalers.has(key)) await api.delete("HorizontalPodAutoscaler", namespace, ref.endpoint, signal);
      const deployment = this.#deployments.get(key);
      if (deployment) {
        await api.delete("Deployment", namespace, ref.endpoint, signal);
        this.#deleted.add(deployment.uid);
      }
      if (this.#services.has(key)) await api.delete("Service", namespace, serviceName(ref.endpoint), signal);
      this.#deployments.delete(key);
      this.#deferred.delete(key);
      this.#services.delete(key);
      this.#autoscalers.delete(key);
      for (const kind of PARTS) this.#forget(kind, key);
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

  async #reconcileAll(key: string, work: { again: boolean }, attempted: () => void): Promise<void> {
    const { signal, log, endpoints } = this.#options;
    let wait = RETRY_FIRST_MS;
    while (!signal.aborted) {
      const endpoint = endpoints.get(key);
      if (!endpoint) break;
      work.again = false;
      try {
        await this.#mend(key, endpoint);
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
  async #mend(key: string, endpoint: KubernetesEndpoint): Promise<void> {
    const { manifests, orgs, signal } = this.#options;
    const { spec } = endpoint;
    await orgs.ensure(spec.org, signal);
    const deployment = deploymentManifest(spec, orgs.manifestsOf(spec.org));
    const digest = this.#digestOf(spec);
    const observed = this.#deployments.get(key);
    endpoint.desired ??= observed?.replicas ?? 0;
    for (const kind of PARTS) this.#checkAgain(kind, key);
    const isOther = observed?.applied !== digest;
    if (isOther || this.#changed.has(nameOf("Deployment", key))) {
      if (observed) await this.#settled(endpoint, observed.revision);
      await this.#applyDeployment(endpoint, deployment, digest, observed);
    }
    if (isOther || !this.#services.has(key) || this.#changed.has(nameOf("Service", key))) {
      await this.#set(key, serviceManifest(spec, manifests) as KubernetesObject, signal);
      this.#services.add(key);
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
    const observed = this.#deployments.get(key);
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
      this.#autoscalers.add(key);
    } else if (this.#autoscalers.has(key)) {
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
    this.#observe(applied);
  }

  /** Applies; what somebody else changed is all set again. */
  async #set<T extends KubernetesObject>(key: string, manifest: T, signal: AbortSignal): Promise<T> {
    const { api } = this.#options;
    const name = nameOf(manifest.kind as Part, key);
    if (!this.#changed.has(name)) return api.apply(manifest, signal);
    const set = await setAgain(api, manifest, signal);
    this.#changed.delete(name);
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
  #check(kind: Part, object: KubernetesObject): void {
    const { endpoints, manifests, log, signal } = this.#options;
    const key = keyOf(object);
    const name = nameOf(kind, key);
    const endpoint = endpoints.get(key);
    if (!endpoint || this.#deployments.get(key)?.applied !== this.#digestOf(endpoint.spec)) {
      this.#unchecked.set(name, object);
      return;
    }
    this.#unchecked.delete(name);
    const drift = driftOf(manifestOf(kind, endpoint.spec, manifests), object);
    if (!drift || this.#changed.has(name)) return;
    log.warn({ endpoint: key, kind, ...drift }, "an object was changed by somebody else: set again");
    this.#changed.add(name);
    const waitMs = this.#pace.next(name, Date.now());
    const again = () => signal.aborted || void this.reconcile(key);
    if (waitMs === 0) again();
    else setTimeout(again, waitMs).unref();
  }

  #checkAgain(kind: Part, key: string): void {
    const object = this.#unchecked.get(nameOf(kind, key));
    if (object) this.#check(kind, object);
  }

  #forget(kind: Part, key: string): void {
    this.#unchecked.delete(nameOf(kind, key));
    this.#changed.delete(nameOf(kind, key));
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
    const observed = this.#deployments.get(key);
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
    const observed = this.#deployments.get(key);
    if (observed)
      this.#deployments.set(key, {
        ...observed,
        replicas,
        version: BigInt(metadata?.resourceVersion ?? observed.version),
      });
  }

  async #deleteAutoscaler(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    const key = endpointKey(ref);
    if (!this.#autoscalers.delete(key)) return;
    await this.#options.api.delete("HorizontalPodAutoscaler", namespaceOf(ref.org), ref.endpoint, signal);
  }

  #observe(deployment: V1Deployment): void {
    const key = keyOf(deployment);
    const version = BigInt(deployment.metadata?.resourceVersion ?? 0);
    const uid = deployment.metadata?.uid ?? "";
    if (this.#deleted.has(uid)) return;
    const before = this.#deployments.get(key);
    // An event from before our own last change.
    if (before && before.version > version) return;
    const labels = deployment.metadata?.labels ?? {};
    this.#deployments.set(key, {
      org: labels[LABELS.org] ?? "",
      endpoint: labels[LABELS.endpoint] ?? "",
      revision: deployment.spec?.template.metadata?.labels?.[LABELS.revision] ?? "",
      replicas: deployment.spec?.replicas ?? 1,
      rolling: isRolling(deployment),
      applied: deployment.metadata?.annotations?.[APPLIED],
      version,
      uid,
    });
    if (!before) this.#options.changed();
    this.#check("Deployment", deployment as KubernetesObject);
    const endpoint = this.#options.endpoints.get(key);
    if (!endpoint || !this.#isListed) return;
    endpoint.observeAutoscaler(endpoint.spec.scaler === "cpu" ? deployment.spec?.replicas : undefined);
    endpoint.observeDeployment((endpoint.desired ?? 0) > 0 ? deploymentTrouble(deployment) : undefined);
    if (this.#needsMending(key, endpoint)) void this.reconcile(key);
  }

  #needsMending(key: string, { spec, desired }: KubernetesEndpoint): boolean {
    const observed = this.#deployments.get(key);
    if (!observed || desired === undefined) return true;
    if (this.#setting.has(key)) return false;
    if (spec.scaler === "cpu") return desired === 0 ? observed.replicas > 0 : observed.replicas === 0;
    return observed.replicas !== this.#replicasNow(key, desired);
  }

  #deploymentGone(key: string): void {
    const gone = this.#deployments.get(key);
    if (!gone) return;
    this.#deployments.delete(key);
    this.#forget("Deployment", key);
    this.#options.changed();
    this.#lost(key, "Deployment");
  }

  /** Somebody deleted what is wanted. */
  #lost(key: string, kind: Kind): void {
    if (!this.#options.endpoints.get(key) || this.#removing.has(key)) return;
    this.#options.log.warn({ endpoint: key, kind }, "an object was deleted by somebody else: made again");
    void this.reconcile(key);
  }

  #presence(present: Set<string>, kind: Part): WatchHandler<KubernetesObject> {
    const gone = (key: string) => {
      this.#forget(kind, key);
      if (present.delete(key)) this.#lost(key, kind);
    };
    const changed = (one: KubernetesObject) => {
      present.add(keyOf(one));
      this.#check(kind, one);
    };
    return {
      listed: (all) => {
        const now = new Set(all.map(keyOf));
        for (const key of [...present]) if (!now.has(key)) gone(key);
        all.forEach(changed);
      },
      changed,
      deleted: (one) => gone(keyOf(one)),
    };
  }
}

const isTransient = (error: FaasError) =>
  error instanceof ClusterError ? error.isTransient : error.code === "NAMESPACE_TERMINATING";

function isRolling({ metadata, status }: V1Deployment): boolean {
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) return true;
  return (status?.replicas ?? 0) > (status?.updatedReplicas ?? 0);
}

function manifestOf(kind: Part, spec: EndpointSpec, options: ManifestOptions): KubernetesObject {
  if (kind === "Deployment") return deploymentManifest(spec, options) as KubernetesObject;
  if (kind === "Service") return serviceManifest(spec, options) as KubernetesObject;
  return autoscalerManifest(spec, options) as KubernetesObject;
}

const keyOf = ({ metadata }: KubernetesObject) =>
  endpointKey({ org: metadata?.labels?.[LABELS.org] ?? "", endpoint: metadata?.labels?.[LABELS.endpoint] ?? "" });
