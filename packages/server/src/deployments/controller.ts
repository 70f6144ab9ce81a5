import { isDeepStrictEqual } from "node:util";
import {
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
} from "@faas/core";
import { type EndpointRegistry, minReplicas, type ServedEndpoint, type StatusSubscriber } from "@faas/gateway";
import { afterDeployment } from "../canary/canary-record.ts";
import { endCanary } from "../canary/end-canary.ts";
import type { KeyedMutex } from "../lib/keyed-mutex.ts";
import { KeyedSignal } from "../lib/keyed-signal.ts";
import type { LogStore } from "../logs/log-store.ts";
import {
  awaitsFirstReady,
  type EndpointRecord,
  isDeploying,
  type NamedParts,
  servingRevision,
  targetRevision,
  withNamedParts,
  withTarget,
} from "../state/records.ts";
import type { Store } from "../state/store.ts";
import { withCallsTo } from "../variants/traffic.ts";
import { servedSpec } from "../variants/variant-specs.ts";
import type { Variants } from "../variants/variants.ts";
import type { Admission } from "./admission.ts";
import {
  changesFrom,
  type DecidedDeployment,
  type DeploymentPlan,
  type DeployRequest,
  decideDeployment,
  sameDeployment,
} from "./deploy-request.ts";
import { checkAddressesFree } from "./hook-policy.ts";
import { Rollouts } from "./rollouts.ts";
import { targetRevisionOf } from "./target-revision.ts";

export interface DeploymentControllerOptions {
  readonly store: Store;
  readonly platform: Platform;
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly admission: Admission;
  readonly logs: Pick<LogStore, "remove" | "removeOrg">;
  readonly log: Logger;
  /** Serializes the changes of one endpoint. */
  readonly mutex: KeyedMutex;
  readonly variants: Variants;
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
  readonly #mutex: KeyedMutex;
  /** Notified when a rollout begins or ends. */
  readonly #changes = new KeyedSignal();
  readonly #stopping = new AbortController();
  readonly #rollouts: Rollouts;

  constructor(options: DeploymentControllerOptions) {
    const { store, platform, registry, log, mutex, variants } = options;
    this.#options = options;
    this.#mutex = mutex;
    this.#rollouts = new Rollouts({
      store,
      platform,
      registry,
      log,
      mutex,
      variants,
      stopping: this.#stopping.signal,
      removeFromPlatform: (ref) => this.#removeFromPlatform(ref),
      renew: (ref) => this.renew(ref),
      onEnded: (ref) => this.#ended(ref),
    });
  }

  /** Applies the stored state to the platform and to the registry. */
  async start(): Promise<void> {
    const { store, registry, variants, log } = this.#options;
    // Limits of organizations come first. A failure is retried with the organization's endpoints.
    for (const org of store.orgs()) {
      this.applyOrg(org).catch((error) => {
        if (!this.#stopping.signal.aborted) log.warn({ err: error, org }, "failed to prepare an organization");
      });
    }
    for (const [ref, record] of store.endpoints()) {
      this.#rollouts.follow(ref, record);
      await this.#apply(ref, record, registry.put(servedSpec(ref, record)).spec);
      await variants.trySync(ref, record);
    }
  }

  /** Stops to evaluate rollouts; the next server on the data folder continues them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#rollouts[Symbol.dispose]();
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
    const { store, variants } = this.#options;
    for (const { org, endpoint } of changed) {
      const ref = { org, endpoint };
      if (!store.endpoint(ref) && !variants.has(ref)) this.#rollouts.unregister(ref);
    }
    this.#rollouts.update();
  }

  /**
   * Deploys a revision; resolves when it is on disk and its rollout has begun.
   *
   * @throws every code of `Admission.admit`
   * @throws ENDPOINT_NOT_FOUND without an artifact
   */
  async deploy(request: DeployRequest): Promise<Deployed> {
    return this.deployDecided(request.ref, (record) => decideDeployment(request, record && targetRevision(record)));
  }

  /**
   * Deploys what `decide` returns for the record of an endpoint, which does not change until the deployment is written.
   *
   * @throws every code of `Admission.admit`
   */
  async deployDecided(
    ref: EndpointRef,
    decide: (record: EndpointRecord | undefined) => DecidedDeployment,
  ): Promise<Deployed> {
    return this.#mutex.run(endpointKey(ref), async () => {
      const deployment = decide(this.#options.store.endpoint(ref));
      const release = await this.#options.admission.admit(deployment);
      try {
        await this.applyOrg(ref.org);
        const deployed = await this.#deploy(deployment);
        if (deployed.unchanged) await endCanary(ref, this.#options);
        return deployed;
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
  async plan(request: DeployRequest): Promise<DeploymentPlan> {
    const { ref, artifact, change, canSee = () => false } = request;
    const target = this.#target(ref);
    const { settings } = changeSettings(target, change);
    await this.#options.admission.check({ ref, artifact, settings, canSee });
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
      const now = new Date().toISOString();
      const same = sameDeployment(ref, target, now);
      const { id } = targetRevisionOf(same, record, store.org(ref.org)?.secrets, now);
      if (record.failure?.revision === id) return undefined;
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
      const { store, registry, variants } = this.#options;
      const record = store.endpoint(ref);
      if (!record || !condition(record)) return false;
      await store.changeEndpoint(ref, () => undefined);
      registry.delete(ref);
      variants.removeAll(ref);
      // If the platform fails to remove it now, it is removed with one of the next lists.
      this.#rollouts.unregister(ref);
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

  async #deploy(deployment: DecidedDeployment): Promise<Deployed> {
    const { store, log, variants } = this.#options;
    const { ref, settings, canSee } = deployment;
    const now = new Date().toISOString();
    const before = store.endpoint(ref);
    const target = before && targetRevision(before);
    const revision = targetRevisionOf(deployment, before, store.org(ref.org)?.secrets, now);
    let { id } = revision;
    if (target?.id === id && before?.failure?.revision !== id) {
      const { set, warm } = revision;
      await this.#changeNamedParts(ref, target, { ...(set && { set }), ...(warm && { warm }) });
      return { revision: id, created: false, unchanged: true, changes: [] };
    }

    await store.changeEndpoint(ref, (record, secrets, addressOwner) => {
      checkAddressesFree(ref, settings, addressOwner, canSee);
      // A secret may have been set or removed a moment ago.
      const latest = targetRevisionOf(deployment, record, secrets, now);
      id = latest.id;
      const isReady = variants.readyVariant(ref, id) !== undefined;
      return afterDeployment(withCallsTo(withTarget(record, latest, now), id, isReady), id, now);
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
    return registry.put(servedSpec(ref, record));
  }

  async #begin(ref: EndpointRef): Promise<void> {
    const { store, registry, variants } = this.#options;
    const record = store.endpoint(ref);
    if (!record) return;
    const endpoint = this.#serve(ref, record);
    // First of all: calls may go to another revision at once.
    variants.publish(ref, record);
    variants.onDeployment(ref);
    this.#rollouts.follow(ref, record);
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

  #ended(ref: EndpointRef): void {
    this.#changes.notify(endpointKey(ref));
    this.#options.onRolloutEnded?.(ref.org);
  }
}
