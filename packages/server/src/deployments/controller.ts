import { isDeepStrictEqual } from "node:util";
import {
  artifactFields,
  artifactOf,
  changeSettings,
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  endpointSpec,
  type Logger,
  type Platform,
  type Revision,
  revisionId,
} from "@faas/core";
import { type EndpointRegistry, minReplicas, type ServedEndpoint, type StatusSubscriber } from "@faas/gateway";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import { KeyedSignal } from "../lib/keyed-signal.ts";
import type { LogStore } from "../logs/log-store.ts";
import {
  awaitsFirstReady,
  candidateRevision,
  type EndpointRecord,
  isDeploying,
  type NamedParts,
  servingRevision,
  targetRevision,
  withNamedParts,
  withTarget,
} from "../state/records.ts";
import { newestVersions } from "../state/secret-records.ts";
import type { Store } from "../state/store.ts";
import type { Admission } from "./admission.ts";
import {
  changesFrom,
  type DecidedDeployment,
  type DeploymentPlan,
  type DeployRequest,
  decideDeployment,
} from "./deploy-request.ts";
import { checkHostnamesFree } from "./hostname-policy.ts";
import { Rollout, type RolloutContext } from "./rollout.ts";

export interface DeploymentControllerOptions {
  readonly store: Store;
  readonly platform: Platform;
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly admission: Admission;
  readonly logs: Pick<LogStore, "remove" | "removeOrg">;
  readonly log: Logger;
  /** Called when a rollout of the organization has ended or an endpoint of it was removed: some revisions may no longer be named. */
  readonly onRolloutEnded?: (org: string) => void;
}

/** Outcome of a request to deploy. */
export interface Deployed extends DeploymentPlan {
  readonly revision: string;
  /** The revision was already deployed. */
  readonly unchanged: boolean;
}

/**
 * Carries the desired state from the store to the platform: deploys, removes, and corrects what the platform runs when it differs
 * (docs/decisions/0002-candidate-revisions.md).
 */
export class DeploymentController implements StatusSubscriber, AsyncDisposable {
  readonly #options: DeploymentControllerOptions;
  /** Rollouts that are not idle, by endpoint. */
  readonly #rollouts = new Map<string, Rollout>();
  /** Serializes the changes of one endpoint. */
  readonly #mutex = new KeyedMutex();
  /** Notified when a rollout begins or ends. */
  readonly #changes = new KeyedSignal();
  readonly #stopping = new AbortController();
  readonly #context: RolloutContext;

  constructor(options: DeploymentControllerOptions) {
    const { store, platform, registry, log } = options;
    this.#options = options;
    this.#context = {
      store,
      platform,
      registry,
      log,
      mutex: this.#mutex,
      stopping: this.#stopping.signal,
      removeFromPlatform: (ref) => this.#removeFromPlatform(ref),
      renew: (ref) => this.renew(ref),
      onEnded: (ref) => this.#ended(ref),
    };
  }

  /** Applies the stored state to the platform and to the registry. */
  async start(): Promise<void> {
    const { store, registry, log } = this.#options;
    // Limits of organizations come first. A failure is retried with the organization's endpoints.
    for (const org of store.orgs()) {
      this.applyOrg(org).catch((error) => {
        if (!this.#stopping.signal.aborted) log.warn({ err: error, org }, "failed to prepare an organization");
      });
    }
    for (const [ref, record] of store.endpoints()) {
      this.#follow(ref, record);
      await this.#apply(ref, record, registry.put(endpointSpec(ref, servingRevision(record))).spec);
    }
  }

  /** Stops to evaluate rollouts; the next server on the data folder continues them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    for (const rollout of this.#rollouts.values()) rollout[Symbol.dispose]();
    this.#rollouts.clear();
  }

  /** Starts the endpoints that have to run before the first request: only now it is known what runs already. */
  onFirstList(): void {
    const { store, registry } = this.#options;
    for (const [ref, record] of store.endpoints()) {
      const endpoint = registry.get(endpointKey(ref));
      if (!endpoint) continue;
      // Otherwise a client that waits for the rollout would wait until a request starts it.
      endpoint.deploying = isDeploying(record);
      if (endpoint.deploying || servingRevision(record).settings.idleTimeout === "never") registry.wake(endpoint);
    }
  }

  /** Continues the rollouts, and finds endpoints on the platform that are not registered. */
  onStatuses(changed: readonly EndpointStatus[]): void {
    if (this.#stopping.signal.aborted) return;
    const { store } = this.#options;
    for (const { org, endpoint } of changed) {
      if (!store.endpoint({ org, endpoint })) this.#rollout({ org, endpoint }).unregister();
    }
    for (const [key, rollout] of this.#rollouts) {
      rollout.update();
      if (rollout.state.phase === "idle") this.#rollouts.delete(key);
    }
  }

  /**
   * Deploys a revision; resolves when it is on disk and its rollout has begun.
   *
   * @throws every code of `Admission.admit`
   * @throws ENDPOINT_NOT_FOUND without an artifact
   */
  async deploy(request: DeployRequest): Promise<Deployed> {
    // Serialized from here: what the request does not name is read now, and must not change until it is written.
    return this.#mutex.run(endpointKey(request.ref), async () => {
      const deployment = decideDeployment(request, this.#target(request.ref));
      const release = await this.#options.admission.admit(deployment);
      try {
        await this.applyOrg(request.ref.org);
        return await this.#deploy(deployment);
      } finally {
        release();
      }
    });
  }

  /**
   * Returns what a request to deploy would change. The artifact may be absent for a new endpoint too.
   *
   * @throws every code of `Admission.check`
   */
  plan(request: DeployRequest): DeploymentPlan {
    const { ref, artifact, change, canSee = () => false } = request;
    const target = this.#target(ref);
    const { settings } = changeSettings(target, change);
    this.#options.admission.check({ ref, artifact, settings, canSee });
    return { created: target === undefined, changes: changesFrom(target, settings) };
  }

  /**
   * Deploys an endpoint again when its secrets have newer values. Returns the new revision; undefined when the endpoint already has the newest values,
   * or failed with them before.
   */
  async renew(ref: EndpointRef): Promise<string | undefined> {
    return this.#mutex.run(endpointKey(ref), async () => {
      const { store } = this.#options;
      const record = store.endpoint(ref);
      const target = record && targetRevision(record);
      if (!record || !target?.settings.secrets) return undefined;
      const { settings, set } = target;
      const artifact = artifactOf(target);
      const versions = newestVersions(ref.org, settings, store.org(ref.org)?.secrets);
      if (record.failure?.revision === revisionId(artifact, settings, versions)) return undefined;
      const same = { ref, artifact, keepsArtifact: true, settings, ...(set && { set }), canSee: () => false };
      const { revision, unchanged } = await this.#deploy(same);
      return unchanged ? undefined : revision;
    });
  }

  /** Removes an endpoint; resolves when it is removed from disk and no longer serves. Returns false when it did not exist. */
  async remove(ref: EndpointRef): Promise<boolean> {
    this.#options.admission.assertReady();
    return this.removeIf(ref, () => true);
  }

  /** Removes an endpoint if its record meets the condition when no other change of it is in progress. Returns whether it was removed. */
  async removeIf(ref: EndpointRef, condition: (record: EndpointRecord) => boolean): Promise<boolean> {
    return this.#mutex.run(endpointKey(ref), async () => {
      const { store, registry } = this.#options;
      const record = store.endpoint(ref);
      if (!record || !condition(record)) return false;
      await store.changeEndpoint(ref, () => undefined);
      registry.delete(ref);
      // If the platform fails to remove it now, it is removed with one of the next lists.
      this.#rollout(ref).unregister();
      await this.#removeFromPlatform(ref);
      this.#ended(ref);
      return true;
    });
  }

  /** Creates what the platform needs for the organization, with its stored limits or the given ones. */
  async applyOrg(org: string, limits = this.#options.store.org(org)?.limits ?? {}): Promise<void> {
    await this.#options.platform.applyOrg?.(org, limits);
  }

  /** Removes an organization and everything in it. Returns false when it did not exist. */
  async removeOrg(org: string): Promise<boolean> {
    const { store, platform, admission, logs } = this.#options;
    if (!store.hasOrg(org)) return false;
    admission.assertReady();
    // An endpoint that is registered meanwhile is removed too.
    for (let record = store.org(org); record; record = store.org(org)) {
      await Promise.all(Array.from(record.endpoints.keys(), (endpoint) => this.remove({ org, endpoint })));
      await store.removeEmptyOrg(org);
    }
    await platform.removeOrg(org);
    await logs.removeOrg(org);
    return true;
  }

  /** Resolves when the revision is no longer being deployed; rejects with the signal's reason. */
  async waitForRollout(ref: EndpointRef, revision: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const record = this.#options.store.endpoint(ref);
      if (!record || !isDeploying(record) || targetRevision(record).id !== revision) return;
      await this.#changes.next(endpointKey(ref), signal);
    }
  }

  #target(ref: EndpointRef): Revision | undefined {
    const record = this.#options.store.endpoint(ref);
    return record && targetRevision(record);
  }

  async #deploy({ ref, artifact, settings, set, canSee }: DecidedDeployment): Promise<Deployed> {
    const { store, log } = this.#options;
    const secrets = newestVersions(ref.org, settings, store.org(ref.org)?.secrets);
    let id = revisionId(artifact, settings, secrets);
    const before = store.endpoint(ref);
    const target = before && targetRevision(before);
    const built = artifactFields(artifact);
    if (target?.id === id && before?.failure?.revision !== id) {
      const { warm } = built;
      await this.#changeNamedParts(ref, target, { ...(set && { set }), ...(warm && { warm }) });
      return { revision: id, created: false, unchanged: true, changes: [] };
    }

    const now = new Date().toISOString();
    await store.changeEndpoint(ref, (record, latestSecrets, hostnameOwner) => {
      checkHostnamesFree(ref, settings, hostnameOwner, canSee);
      // A secret may have been set or removed a moment ago.
      const versions = newestVersions(ref.org, settings, latestSecrets);
      id = revisionId(artifact, settings, versions);
      const named = { ...(set && { set }), ...(versions && { secrets: versions }) };
      return withTarget(record, { id, createdAt: now, ...built, settings, ...named }, now);
    });
    const message = before ? "deployment begun" : "endpoint registered";
    log.info({ org: ref.org, endpoint: ref.endpoint, revision: id }, message);
    await this.#begin(ref);
    this.#changes.notify(endpointKey(ref));
    return { revision: id, created: before === undefined, unchanged: false, changes: changesFrom(target, settings) };
  }

  /** Changes what does not change the id of the target revision. */
  async #changeNamedParts(ref: EndpointRef, { set, warm }: Revision, named: NamedParts): Promise<void> {
    const { store } = this.#options;
    const isWarmSame = isDeepStrictEqual(warm, named.warm);
    if (isWarmSame && isDeepStrictEqual(set, named.set)) return;
    await store.changeEndpoint(ref, (record) => record && withNamedParts(record, named));
    const record = store.endpoint(ref);
    if (!isWarmSame && record) await this.#apply(ref, record, this.#serve(ref, record).spec);
  }

  /** Serves the serving revision, if it is not served yet. */
  #serve(ref: EndpointRef, record: EndpointRecord): ServedEndpoint<EndpointSpec> {
    const { registry } = this.#options;
    const existing = registry.get(endpointKey(ref));
    const serving = servingRevision(record);
    if (existing && !awaitsFirstReady(record) && isDeepStrictEqual(existing.spec.artifact, artifactOf(serving)))
      return existing;
    return registry.put(endpointSpec(ref, serving));
  }

  async #begin(ref: EndpointRef): Promise<void> {
    const { store, registry } = this.#options;
    const record = store.endpoint(ref);
    if (!record) return;
    const endpoint = this.#serve(ref, record);
    this.#follow(ref, record);
    await this.#apply(ref, record, endpoint.spec);
    endpoint.lastRequestMs = Date.now();
    endpoint.deploying = isDeploying(record);
    if (endpoint.desired > 0 && !endpoint.failure()) return;
    if (!endpoint.deploying && endpoint.spec.replicas === 0) return;
    endpoint.attempt();
    registry.scale(endpoint, minReplicas(endpointSpec(ref, targetRevision(record))));
  }

  /** Applies the target revision to the platform. */
  async #apply(ref: EndpointRef, record: EndpointRecord, served: EndpointSpec): Promise<void> {
    const target = targetRevision(record);
    // One spec object for the same revision: there may be many endpoints.
    await this.#options.platform.apply(target.id === served.revision ? served : endpointSpec(ref, target));
  }

  async #removeFromPlatform(ref: EndpointRef): Promise<void> {
    await this.#options.platform.remove(ref);
    await this.#options.logs.remove(ref);
  }

  #follow(ref: EndpointRef, record: EndpointRecord): void {
    const key = endpointKey(ref);
    // Most endpoints need no rollout.
    if (!candidateRevision(record) && !awaitsFirstReady(record)) {
      this.#rollouts.get(key)?.[Symbol.dispose]();
      this.#rollouts.delete(key);
    } else this.#rollout(ref).follow(record);
  }

  #rollout(ref: EndpointRef): Rollout {
    const key = endpointKey(ref);
    let rollout = this.#rollouts.get(key);
    if (!rollout) {
      rollout = new Rollout(ref, this.#context);
      this.#rollouts.set(key, rollout);
    }
    return rollout;
  }

  #ended(ref: EndpointRef): void {
    this.#changes.notify(endpointKey(ref));
    this.#options.onRolloutEnded?.(ref.org);
  }
}
