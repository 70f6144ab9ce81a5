import {
  type Artifact,
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  endpointSpec,
  FaasError,
  type Platform,
  type ReplicaFailure,
  type Revision,
  revisionId,
  type Settings,
} from "@faas/core";
import { type EndpointRegistry, minReplicas } from "@faas/gateway";
import type { Logger } from "pino";
import type { BundleStore } from "../bundles/bundle-store.ts";
import type { StorageQuota } from "../bundles/storage-quota.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import { newestVersions } from "../state/secret-records.ts";
import { targetRevision } from "../state/state.ts";
import type { EndpointRecord, Store } from "../state/store.ts";
import type { QuotaCheck } from "./quota-check.ts";

export interface DeploymentsOptions {
  readonly store: Store;
  readonly platform: Platform;
  readonly endpoints: EndpointRegistry;
  readonly bundles: BundleStore;
  readonly limits: QuotaCheck;
  readonly bundleRoom: StorageQuota;
  readonly log: Logger;
}

export interface Deployed {
  readonly revision: string;
  /** The endpoint is new. */
  readonly created: boolean;
  /** The revision was there already. */
  readonly unchanged: boolean;
}

/** A deployment whose outcome could not be written, for want of room for instance, is looked at again after this. */
const RETRY_MS = 1_000;

/**
 * From the store (desired) to the platform: begins deployments, sees them through or gives them up, removes, and mends what differs from what is observed
 * (docs/decisions/0002-candidate-revisions.md).
 */
export class DeploymentController {
  readonly #options: DeploymentsOptions;
  /** Endpoints whose newest revision has not answered yet. */
  readonly #pending = new Map<string, EndpointRef>();
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Changes of one endpoint's deployment are made one after the other. */
  readonly #turns = new KeyedMutex();
  readonly #retries = new Map<string, NodeJS.Timeout>();
  /** What the platform has, or may have, though nobody registered it. */
  readonly #strangers = new Map<string, EndpointRef>();
  readonly #stopping = new AbortController();
  /** Told when an endpoint's deployment has ended, or the endpoint is gone: revisions of its organization may be named no more. */
  onConcluded: ((org: string) => void) | undefined;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: DeploymentsOptions) {
    this.#options = options;
  }

  /** Brings the platform to what the store says, and follows it from then on. */
  async start(): Promise<void> {
    const { store, endpoints, log } = this.#options;
    // Their limits come first. What fails is tried again with the organization's endpoints.
    for (const org of store.orgs()) {
      this.applyOrg(org).catch((error) => {
        if (!this.#stopping.signal.aborted) log.warn({ err: error, org }, "an organization could not be made ready");
      });
    }
    for (const [ref, record] of store.endpoints()) {
      await this.#apply(ref, record, endpoints.put(endpointSpec(ref, record.current)).spec);
    }
    this.#watching = this.#watch();
  }

  /** What has to run before the first request: known only when the platform has told what runs already. */
  #wakeAll(): void {
    const { store, endpoints } = this.#options;
    for (const [ref, record] of store.endpoints()) {
      const endpoint = endpoints.get(endpointKey(ref));
      if (!endpoint) continue;
      // Whoever waits for its outcome, or asks for the same again, would else wait for a request that starts it.
      endpoint.deploying = record.candidate !== undefined || (record.unproven === true && !record.failure);
      if (endpoint.deploying || record.current.settings.idleTimeout === "never") endpoints.wake(endpoint);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const retry of this.#retries.values()) clearTimeout(retry);
    await this.#watching;
  }

  /** Registers a revision: resolves when it is on disk and its deployment has begun. */
  async deploy(ref: EndpointRef, artifact: Artifact, settings: Settings): Promise<Deployed> {
    const { platform, bundles, bundleRoom, limits } = this.#options;
    this.#refuseUnready();
    if (artifact.kind !== platform.accepts) {
      throw new FaasError(
        "ARTIFACT_UNSUPPORTED",
        artifact.kind === "image"
          ? `The ${platform.name} platform runs bundles (bundle@sha256:…), not container images; those run on the kubernetes platform. Deploy the folder with "faas deploy"`
          : `The ${platform.name} platform runs container images, not bundles`,
      );
    }
    if (!platform.scalers.includes(settings.scaler)) {
      throw new FaasError(
        "SCALER_UNSUPPORTED",
        `Expected "scaler" to be one that the ${platform.name} platform has (${platform.scalers.join(", ")}), got "${settings.scaler}"`,
      );
    }
    newestVersions(ref.org, settings, this.#options.store.org(ref.org)?.secrets);
    if (artifact.kind === "bundle") {
      await bundles.claim(artifact.digest);
      await bundleRoom.check(ref.org, artifact.digest);
    }
    // Before anything is on disk: what the platform cannot have at all is told to the one who asks for it.
    await platform.check?.(endpointSpec(ref, { id: "", createdAt: "", artifact, settings }));
    const release = limits.reserve(ref, settings);
    try {
      await this.applyOrg(ref.org);
      return await this.#inTurn(ref, () => this.#deploy(ref, artifact, settings));
    } finally {
      release();
    }
  }

  /**
   * Deploys what an endpoint has anew when its secrets have newer values. Gives the revision that is being deployed, or undefined: it has the newest, or
   * could not be brought to run with them before.
   */
  async renew(ref: EndpointRef): Promise<string | undefined> {
    return this.#inTurn(ref, async () => {
      const { store } = this.#options;
      const record = store.endpoint(ref);
      const newest = record && targetRevision(record);
      if (!record || !newest?.settings.secrets) return undefined;
      const versions = newestVersions(ref.org, newest.settings, store.org(ref.org)?.secrets);
      const id = revisionId(newest.artifact, newest.settings, versions);
      if (record.failure?.revision === id) return undefined;
      const { revision, unchanged } = await this.#deploy(ref, newest.artifact, newest.settings);
      return unchanged ? undefined : revision;
    });
  }

  /** True when it was there. Resolves when it is gone from disk and serves no more. */
  async remove(ref: EndpointRef): Promise<boolean> {
    this.#refuseUnready();
    return this.#inTurn(ref, async () => {
      const { store, platform, endpoints } = this.#options;
      if (!store.endpoint(ref)) return false;
      await store.changeEndpoint(ref, () => undefined);
      this.#pending.delete(endpointKey(ref));
      endpoints.delete(ref);
      // Until the platform tells of it no more.
      this.#strangers.set(endpointKey(ref), ref);
      await platform.remove(ref);
      this.#announce(ref);
      this.onConcluded?.(ref.org);
      return true;
    });
  }

  /** Makes what the platform needs for the organization, with the limits that it has on disk or those given. */
  async applyOrg(org: string, limits = this.#options.store.org(org)?.limits ?? {}): Promise<void> {
    await this.#options.platform.applyOrg?.(org, limits);
  }

  /** Removes the organization with all that it has; true when it was there. */
  async removeOrg(org: string): Promise<boolean> {
    const { store, platform } = this.#options;
    if (!store.hasOrg(org)) return false;
    this.#refuseUnready();
    // An endpoint that is registered meanwhile goes the same way.
    for (let record = store.org(org); record; record = store.org(org)) {
      await Promise.all(Array.from(record.endpoints.keys(), (endpoint) => this.remove({ org, endpoint })));
      await store.removeEmptyOrg(org);
    }
    await platform.removeOrg(org);
    return true;
  }

  /** Resolves when the revision is neither being deployed nor waiting for its first answer; rejects with the signal's reason. */
  async waitForRollout(ref: EndpointRef, revision: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const record = this.#options.store.endpoint(ref);
      const deploying = record?.candidate ?? (record?.unproven ? record.current : undefined);
      if (deploying?.id !== revision || record?.failure?.revision === revision) return;
      await this.#changed(ref, signal);
    }
  }

  /** Before anything is on disk that could not be carried out. */
  #refuseUnready(): void {
    const { notReady } = this.#options.platform;
    if (notReady) throw notReady;
  }

  async #deploy(ref: EndpointRef, artifact: Artifact, settings: Settings): Promise<Deployed> {
    const { store, log } = this.#options;
    const secrets = newestVersions(ref.org, settings, store.org(ref.org)?.secrets);
    let id = revisionId(artifact, settings, secrets);
    const before = store.endpoint(ref);
    const newest = before && targetRevision(before);
    if (newest?.id === id && before?.failure?.revision !== id) return { revision: id, created: false, unchanged: true };

    const now = new Date().toISOString();
    await store.changeEndpoint(ref, (record, known) => {
      // Those of now: one may have been set, or removed, a moment ago.
      const versions = newestVersions(ref.org, settings, known);
      id = revisionId(artifact, settings, versions);
      const revision: Revision = { id, createdAt: now, artifact, settings, ...(versions && { secrets: versions }) };
      // Without a replica until the first request there is nothing to prove it with, and nothing to fall back to either.
      if (!record)
        return {
          createdAt: now,
          updatedAt: now,
          current: revision,
          ...(settings.replicas > 0 ? { unproven: true } : {}),
        };
      const { failure: _, candidate: __, ...kept } = record;
      // The one that serves comes back, or the one that never answered is replaced: no candidate is needed.
      if (record.current.id === id && !record.unproven) return { ...kept, updatedAt: now };
      if (record.unproven) return { ...kept, updatedAt: now, current: revision };
      return { ...kept, updatedAt: now, candidate: revision };
    });
    log.info(
      { org: ref.org, endpoint: ref.endpoint, revision: id },
      before ? "deployment begun" : "endpoint registered",
    );
    await this.#begin(ref);
    this.#announce(ref);
    return { revision: id, created: before === undefined, unchanged: false };
  }

  async #begin(ref: EndpointRef): Promise<void> {
    const { store, endpoints } = this.#options;
    const record = store.endpoint(ref);
    if (!record) return;
    const existing = endpoints.get(endpointKey(ref));
    const endpoint = existing && !record.unproven ? existing : endpoints.put(endpointSpec(ref, record.current));
    await this.#apply(ref, record, endpoint.spec);
    endpoint.lastRequestMs = Date.now();
    endpoint.deploying = this.#pending.has(endpointKey(ref));
    if (endpoint.desired > 0 && !endpoint.failure()) return;
    if (!endpoint.deploying && endpoint.spec.replicas === 0) return;
    endpoint.attempt();
    endpoints.scale(endpoint, minReplicas(endpointSpec(ref, targetRevision(record))));
  }

  /** Tells the platform what should run. */
  async #apply(ref: EndpointRef, record: EndpointRecord, served: EndpointSpec): Promise<void> {
    if (record.candidate || record.unproven) this.#pending.set(endpointKey(ref), ref);
    const newest = targetRevision(record);
    // Of the same revision one spec is enough: there are many endpoints.
    await this.#options.platform.apply(newest.id === served.revision ? served : endpointSpec(ref, newest));
  }

  async #watch(): Promise<void> {
    const { platform, endpoints } = this.#options;
    const signal = this.#stopping.signal;
    let isFirst = true;
    for await (const statuses of platform.watch(signal)) {
      const changed = endpoints.observe(statuses);
      if (isFirst) this.#wakeAll();
      isFirst = false;
      for (const ref of this.#pending.values()) this.#finishRollout(ref);
      this.#reconcile(changed);
    }
  }

  /** Ends the deployment when its outcome is known; later, when that cannot be written now. */
  #finishRollout(ref: EndpointRef): void {
    const key = endpointKey(ref);
    const status = this.#options.endpoints.get(key)?.status;
    if (!status || this.#stopping.signal.aborted) return;
    this.#evaluateRollout(ref, status).catch((error) => {
      this.#options.log.error({ err: error, ...ref }, "a deployment could not be concluded; trying again");
      if (this.#retries.has(key)) return;
      const again = () => {
        this.#retries.delete(key);
        this.#finishRollout(ref);
      };
      this.#retries.set(key, setTimeout(again, RETRY_MS).unref());
    });
  }

  /** Has the newest revision answered, or failed? */
  async #evaluateRollout(ref: EndpointRef, status: EndpointStatus): Promise<void> {
    const record = this.#options.store.endpoint(ref);
    const revision = record && targetRevision(record);
    if (!record || !revision || status.revision !== revision.id) return;
    const ready = status.replicas.filter((replica) => replica.ready);
    const answers = ready.length > 0 && ready.every((replica) => replica.revision === revision.id);
    const failure = status.failure?.revision === revision.id ? status.failure : undefined;
    if (answers) await this.#inTurn(ref, () => this.#succeeded(ref, revision));
    else if (failure && record.failure?.revision !== revision.id)
      await this.#inTurn(ref, () => this.#failed(ref, revision, failure));
  }

  async #succeeded(ref: EndpointRef, revision: Revision): Promise<void> {
    const { store, endpoints, log } = this.#options;
    const record = store.endpoint(ref);
    if (!record || targetRevision(record).id !== revision.id || !(record.candidate || record.unproven)) return;
    await store.changeEndpoint(ref, (latest) => {
      if (!latest) return latest;
      const { candidate: _, unproven: __, failure: ___, ...kept } = latest;
      return { ...kept, current: revision };
    });
    this.#pending.delete(endpointKey(ref));
    endpoints.put(endpointSpec(ref, revision)).deploying = false;
    log.info({ ...ref, revision: revision.id }, "deployed");
    this.#announce(ref);
    this.onConcluded?.(ref.org);
  }

  async #failed(ref: EndpointRef, revision: Revision, failure: ReplicaFailure): Promise<void> {
    const { store, platform, endpoints, log } = this.#options;
    const record = store.endpoint(ref);
    if (!record || targetRevision(record).id !== revision.id || record.failure?.revision === revision.id) return;
    log.warn({ ...ref, revision: revision.id, code: failure.code, detail: failure.detail }, "deployment failed");
    await store.changeEndpoint(ref, (latest) => {
      if (!latest) return latest;
      const { candidate: _, ...kept } = latest;
      return { ...kept, failure };
    });
    const live = endpoints.get(endpointKey(ref));
    if (live) live.deploying = false;
    if (record.candidate) {
      this.#pending.delete(endpointKey(ref));
      await platform.apply(endpointSpec(ref, record.current));
      // A secret may have been set since, and only the candidate was to get it.
      this.renew(ref).catch((error) => log.warn({ err: error, ...ref }, "an endpoint keeps former values of secrets"));
    } else {
      // Nothing to fall back to: every request tries again, and is told why it fails.
      if (live && live.waiting === 0) endpoints.scale(live, 0);
    }
    this.#announce(ref);
    this.onConcluded?.(ref.org);
  }

  /** What somebody changed behind our back, or what a former server did not finish. */
  #reconcile(changed: readonly EndpointStatus[]): void {
    const { store, platform, endpoints, log } = this.#options;
    for (const status of changed) {
      if (!store.endpoint(status))
        this.#strangers.set(endpointKey(status), { org: status.org, endpoint: status.endpoint });
    }
    for (const [key, ref] of this.#strangers) {
      if (store.endpoint(ref) || !endpoints.isObserved(key)) this.#strangers.delete(key);
      else if (!this.#turns.has(key)) {
        log.warn(ref, "the platform runs an endpoint that is not registered: removing it");
        platform.remove(ref).catch((error) => log.error({ err: error }, "could not remove it"));
      }
    }
  }

  #inTurn<T>(ref: EndpointRef, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(endpointKey(ref), work);
  }

  #changed(ref: EndpointRef, signal: AbortSignal): Promise<void> {
    const key = endpointKey(ref);
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        signal.removeEventListener("abort", onAbort);
        listeners.delete(onChange);
        settle();
      };
      const onChange = () => finish(resolve);
      const onAbort = () => finish(() => reject(signal.reason));
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      listeners.add(onChange);
    });
  }

  #announce(ref: EndpointRef): void {
    const key = endpointKey(ref);
    const listeners = this.#listeners.get(key);
    this.#listeners.delete(key);
    for (const listener of listeners ?? []) listener();
  }
}
