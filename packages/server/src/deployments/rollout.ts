import {
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  endpointSpec,
  type Logger,
  type Platform,
  type ReplicaFailure,
  type Revision,
} from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";
import { withCanaryEnded } from "../canary/canary-record.ts";
import type { KeyedMutex } from "../lib/keyed-mutex.ts";
import {
  awaitsFirstReady,
  candidateRevision,
  type EndpointRecord,
  servingRevision,
  targetRevision,
  withFailure,
  withServing,
} from "../state/records.ts";
import type { Store } from "../state/store.ts";
import { afterRollout } from "../variants/traffic.ts";
import { servedSpec } from "../variants/variant-specs.ts";
import type { Variants } from "../variants/variants.ts";

/** Time after which an outcome that could not be written, for lack of space for instance, is evaluated again. */
const RETRY_MS = 1_000;

/** State of a rollout. An endpoint whose target revision serves has no rollout, or an idle one. */
export type RolloutState =
  | { readonly phase: "idle" }
  /** The target revision has neither been ready nor failed. */
  | { readonly phase: "starting" }
  /** The first revision failed and there is none to fall back to: requests start it again, and it may still get ready. */
  | { readonly phase: "failed" }
  /** The outcome is known, but could not be written: will retry. */
  | { readonly phase: "unrecorded"; readonly retry: NodeJS.Timeout }
  /** The platform has, or may have, the endpoint although it is not registered. */
  | { readonly phase: "removing" };

const IDLE: RolloutState = { phase: "idle" };

/** Parts of the server that every rollout works with. */
export interface RolloutContext {
  readonly store: Store;
  readonly platform: Pick<Platform, "apply">;
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly log: Logger;
  /** Serializes the changes of one endpoint. */
  readonly mutex: KeyedMutex;
  readonly variants: Pick<Variants, "has" | "trySync" | "tryPrepare">;
  /** Aborted when the server stops: no outcome is evaluated afterwards. */
  readonly stopping: AbortSignal;
  /** Removes an endpoint, which is not registered, from the platform. */
  removeFromPlatform(ref: EndpointRef): Promise<void>;
  /** Deploys newer values of secrets that were set during the rollout. */
  renew(ref: EndpointRef): Promise<unknown>;
  /** Called when the rollout has succeeded or failed. */
  onEnded(ref: EndpointRef): void;
}

/**
 * Rollout of one endpoint: follows its target revision until a replica of it is ready, then makes it the serving one, or until it fails, then falls
 * back (docs/decisions/0002-candidate-revisions.md).
 */
export class Rollout implements Disposable {
  readonly ref: EndpointRef;
  readonly #context: RolloutContext;
  #state: RolloutState = IDLE;

  constructor(ref: EndpointRef, context: RolloutContext) {
    this.ref = ref;
    this.#context = context;
  }

  get state(): RolloutState {
    return this.#state;
  }

  /** Continues from the record of the endpoint: at the start of the server, and after a deployment. */
  follow(record: EndpointRecord): void {
    if (candidateRevision(record)) this.#enter({ phase: "starting" });
    else if (awaitsFirstReady(record)) this.#enter({ phase: record.failure ? "failed" : "starting" });
    else this.#enter(IDLE);
  }

  /** Removes the endpoint, which is no longer registered, from the platform, until the platform lists it no more. */
  unregister(): void {
    this.#enter({ phase: "removing" });
  }

  /** Takes the latest status into account. */
  update(): void {
    if (this.#state.phase === "removing") this.#removeFromPlatform();
    else if (this.#state.phase !== "idle") this.#evaluate();
  }

  [Symbol.dispose](): void {
    this.#enter(IDLE);
  }

  #enter(state: RolloutState): void {
    if (this.#state.phase === "unrecorded") clearTimeout(this.#state.retry);
    this.#state = state;
  }

  /** Ends the rollout when its outcome is known; later, when that cannot be written now. */
  #evaluate(): void {
    const { registry, log, stopping } = this.#context;
    const status = registry.get(endpointKey(this.ref))?.status;
    if (!status || stopping.aborted) return;
    this.#recordOutcome(status).catch((error) => {
      log.error({ err: error, ...this.ref }, "failed to record the outcome of a deployment, will retry");
      const { phase } = this.#state;
      if ((phase !== "starting" && phase !== "failed") || stopping.aborted) return;
      const retry = setTimeout(() => {
        this.#enter({ phase });
        this.#evaluate();
      }, RETRY_MS);
      this.#enter({ phase: "unrecorded", retry: retry.unref() });
    });
  }

  async #recordOutcome(status: EndpointStatus): Promise<void> {
    const { store, mutex } = this.#context;
    const record = store.endpoint(this.ref);
    const revision = record && targetRevision(record);
    if (!record || !revision || status.revision !== revision.id) return;
    const ready = status.replicas.filter((replica) => replica.ready);
    const isServed = ready.length > 0 && ready.every((replica) => replica.revision === revision.id);
    const failure = status.failure?.revision === revision.id ? status.failure : undefined;
    const key = endpointKey(this.ref);
    if (isServed) await mutex.run(key, () => this.#succeed(revision));
    else if (failure && record.failure?.revision !== revision.id)
      await mutex.run(key, () => this.#fail(revision, failure));
  }

  async #succeed(revision: Revision): Promise<void> {
    const { store, registry, log, variants, onEnded } = this.#context;
    const record = store.endpoint(this.ref);
    if (!record || targetRevision(record).id !== revision.id) return;
    if (!candidateRevision(record) && !awaitsFirstReady(record)) return;
    const now = new Date();
    const at = now.toISOString();
    await store.changeEndpoint(this.ref, (latest) => {
      if (latest === undefined) return undefined;
      const after = afterRollout(latest, withServing(latest, revision, at), now.getTime());
      return withCanaryEnded(after, "promoted", "its revision serves", at);
    });
    this.#enter(IDLE);
    const latest = store.endpoint(this.ref) ?? record;
    // Before the endpoint serves another revision: tags of the one that served have to lead to it at every moment.
    await variants.tryPrepare(this.ref, latest);
    registry.put(servedSpec(this.ref, latest)).deploying = false;
    log.info({ ...this.ref, revision: revision.id }, "deployed");
    onEnded(this.ref);
    await variants.trySync(this.ref, latest);
  }

  async #fail(revision: Revision, failure: ReplicaFailure): Promise<void> {
    const { store, registry, log, onEnded } = this.#context;
    const record = store.endpoint(this.ref);
    if (!record || targetRevision(record).id !== revision.id || record.failure?.revision === revision.id) return;
    log.warn({ ...this.ref, revision: revision.id, code: failure.code, detail: failure.detail }, "deployment failed");
    await store.changeEndpoint(this.ref, (latest) => latest && withFailure(latest, failure));
    const served = registry.get(endpointKey(this.ref));
    if (served) served.deploying = false;
    try {
      if (candidateRevision(record)) await this.#fallBack(servingRevision(record));
      else {
        // There is no revision to fall back to: each request starts this one again, and gets the failure.
        this.#enter({ phase: "failed" });
        if (served && served.totalWaiting === 0) registry.scale(served, 0);
      }
    } finally {
      onEnded(this.ref);
    }
  }

  async #fallBack(revision: Revision): Promise<void> {
    const { platform, renew, log } = this.#context;
    this.#enter(IDLE);
    await platform.apply(endpointSpec(this.ref, revision));
    // A secret may have been set during the rollout, for the candidate only.
    renew(this.ref).catch((error) =>
      log.warn(
        { err: error, ...this.ref },
        "failed to deploy new values of secrets, the endpoint keeps the previous ones",
      ),
    );
  }

  #removeFromPlatform(): void {
    const { store, registry, log, mutex, variants, removeFromPlatform } = this.#context;
    const key = endpointKey(this.ref);
    if (store.endpoint(this.ref) || variants.has(this.ref) || !registry.isObserved(key)) {
      this.#enter(IDLE);
      return;
    }
    if (mutex.isBusy(key)) return;
    log.warn(this.ref, "the platform runs an endpoint that is not registered: removing it");
    mutex
      .run(key, () => removeFromPlatform(this.ref))
      .catch((error) => log.error({ err: error, ...this.ref }, "failed to remove an endpoint that is not registered"));
  }
}
