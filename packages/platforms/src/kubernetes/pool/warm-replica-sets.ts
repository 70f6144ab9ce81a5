import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "@faas/core";
import type { V1ReplicaSet } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { type InformerOptions, runInformer, type WatchHandler } from "../client/informer.ts";
import type { KubernetesObject } from "../client/objects.ts";
import type { OrganizationNamespaces } from "../organizations/namespaces.ts";
import { LABELS, namespaceOf, selectorOf } from "../reconcile/manifests/labels.ts";
import { warmName } from "../reconcile/manifests/warm-pod.ts";
import { poolSize, type VariantUse } from "./pool-size.ts";
import type { WarmVariant } from "./variant.ts";

/** Delay before the number of pods is adapted, so that new pods rarely compete with the function that has just claimed one. */
const ADAPT_DELAY_MS = 1_000;
/** Interval at which variants that are not used any more lose their pods. */
const REVIEW_MS = 300_000;
/** Time after the start in which pods of unknown variants are kept: their endpoints may be applied yet. */
const START_MS = 60_000;
const RETRY_MS = 5_000;
/** Time for which an organization without room in its quota, or on the nodes, has no waiting pods. */
const GIVE_WAY_MS = 600_000;

export interface WarmReplicaSetsOptions {
  readonly api: KubernetesApi;
  readonly instance: string;
  readonly namespaces: Pick<OrganizationNamespaces, "ensure">;
  readonly informer: Omit<InformerOptions, "labelSelector" | "signal">;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Number of waiting pods of a variant that is used, for organizations without a number of their own. */
  readonly size: number;
  /** Called repeatedly for an organization that has warm pods. */
  readonly onKept: (org: string) => void;
}

interface Known extends VariantUse {
  readonly variant: WarmVariant;
  /** Keys of the endpoints that can claim its pods. */
  readonly endpoints: Set<string>;
}

/** The ReplicaSets of warm pods, which replace claimed pods by themselves: one per variant that is in use. */
export class WarmReplicaSets {
  readonly #options: WarmReplicaSetsOptions;
  readonly #variants = new Map<string, Known>();
  /** Variant of each endpoint. */
  readonly #endpoints = new Map<string, string>();
  /** Number of pods of the observed ReplicaSets, by variant, and the namespace. */
  readonly #observed = new Map<string, { readonly namespace: string; readonly replicas: number }>();
  /** Number of waiting pods of a variant that is used, by organization. */
  readonly #sizes = new Map<string, number>();
  /** Organizations whose replicas need the room, with the time of the last need. */
  readonly #gaveWay = new Map<string, number>();
  #startedAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Something changed since the numbers were adapted. */
  #isOutdated = false;

  constructor(options: WarmReplicaSetsOptions) {
    this.#options = options;
  }

  /** Starts to follow and adapt the ReplicaSets. */
  start(): void {
    const { informer, instance, signal } = this.#options;
    const labelSelector = `${selectorOf(instance)},${LABELS.warm}`;
    const handler: WatchHandler<V1ReplicaSet> = {
      listed: (sets) => {
        this.#observed.clear();
        for (const set of sets) this.#observe(set);
        this.#startedAt ??= Date.now();
        this.#adaptSoon();
      },
      changed: (set) => this.#observe(set),
      deleted: (set) => {
        this.#observed.delete(idOf(set));
        this.#adaptSoon();
      },
    };
    void runInformer("ReplicaSet", { ...informer, labelSelector, signal }, handler as WatchHandler<KubernetesObject>);
    const review = setInterval(() => this.#adaptSoon(), REVIEW_MS).unref();
    signal.addEventListener("abort", () => {
      clearInterval(review);
      clearTimeout(this.#timer);
    });
  }

  /** Sets the number of waiting pods of each variant that an organization uses; `undefined`: that of the control server. */
  setSize(org: string, pods: number | undefined): void {
    if (pods === undefined) this.#sizes.delete(org);
    else this.#sizes.set(org, pods);
    this.#adaptSoon();
  }

  /** Removes the waiting pods of an organization for a while: its quota has no room for its replicas. */
  giveWay(org: string): void {
    if (![...this.#variants.values()].some(({ variant }) => variant.org === org)) return;
    this.#gaveWay.set(org, Date.now());
    this.#adaptSoon();
  }

  /** Removes the waiting pods of all organizations for a while: the nodes have no room for replicas. */
  giveWayToAll(): void {
    for (const { variant } of this.#variants.values()) this.#gaveWay.set(variant.org, Date.now());
    this.#adaptSoon();
  }

  /** Adds an endpoint that can claim pods of a variant. */
  add(key: string, variant: WarmVariant): void {
    if (this.#endpoints.get(key) === variant.id) return;
    this.remove(key);
    this.#endpoints.set(key, variant.id);
    let known = this.#variants.get(variant.id);
    if (!known) {
      known = { variant, endpoints: new Set(), demands: [] };
      this.#variants.set(variant.id, known);
    }
    known.endpoints.add(key);
    // A deployment is a use; the endpoints that a restarted server applies are not.
    if (this.#startedAt !== undefined) this.used(variant, 0);
    else if (this.#observed.has(variant.id)) known.usedMs ??= Date.now();
    this.#adaptSoon();
  }

  remove(key: string): void {
    const id = this.#endpoints.get(key);
    if (id === undefined) return;
    this.#endpoints.delete(key);
    this.#variants.get(id)?.endpoints.delete(key);
    this.#adaptSoon();
  }

  /** Records that replicas of a variant were needed. */
  used({ id }: WarmVariant, count: number): void {
    const known = this.#variants.get(id);
    if (!known) return;
    known.usedMs = Date.now();
    if (count > 0) known.demands.push({ atMs: known.usedMs, count });
    this.#adaptSoon();
  }

  #observe(set: V1ReplicaSet): void {
    const id = idOf(set);
    const replicas = set.spec?.replicas ?? 0;
    // Somebody else changed it.
    if (this.#observed.get(id)?.replicas !== replicas) this.#adaptSoon();
    this.#observed.set(id, { namespace: set.metadata?.namespace ?? "", replicas });
    // They were in use when the control server was started.
    const known = this.#variants.get(id);
    if (known) known.usedMs ??= Date.now();
  }

  #adaptSoon(): void {
    if (this.#startedAt === undefined || this.#options.signal.aborted) return;
    this.#isOutdated = true;
    this.#timer ??= setTimeout(() => void this.#adaptAgain(), ADAPT_DELAY_MS).unref();
  }

  async #adaptAgain(): Promise<void> {
    const { log, signal } = this.#options;
    this.#isOutdated = false;
    try {
      await this.#adapt();
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error }, "failed to adapt the number of warm pods, will retry");
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      this.#isOutdated = true;
    }
    this.#timer = undefined;
    if (this.#isOutdated) this.#adaptSoon();
  }

  async #adapt(): Promise<void> {
    const nowMs = Date.now();
    for (const [org, atMs] of this.#gaveWay) if (nowMs - atMs > GIVE_WAY_MS) this.#gaveWay.delete(org);
    const sizeOf = (org: string) => (this.#gaveWay.has(org) ? 0 : (this.#sizes.get(org) ?? this.#options.size));
    for (const known of [...this.#variants.values()]) {
      const { variant } = known;
      const isNeeded = known.endpoints.size > 0;
      const replicas = isNeeded ? poolSize(known, { sizeOf, nowMs }) : 0;
      const observed = this.#observed.get(variant.id)?.replicas;
      if (replicas === 0 && observed !== undefined) await this.#delete(variant.id);
      else if (replicas > 0 && observed !== replicas) await this.#apply(variant, replicas);
      if (replicas > 0) this.#options.onKept(variant.org);
      if (!isNeeded && known.endpoints.size === 0) this.#variants.delete(variant.id);
    }
    if (nowMs - (this.#startedAt ?? nowMs) < START_MS) return;
    for (const id of [...this.#observed.keys()]) if (!this.#variants.has(id)) await this.#delete(id);
  }

  async #apply({ id, org, object }: WarmVariant, replicas: number): Promise<void> {
    const { api, namespaces, signal } = this.#options;
    await namespaces.ensure(org, signal);
    await api.apply({ ...object, spec: { ...object.spec, replicas } } as KubernetesObject, signal);
    this.#observed.set(id, { namespace: namespaceOf(org), replicas });
  }

  async #delete(id: string): Promise<void> {
    const { api, signal } = this.#options;
    await api.delete("ReplicaSet", this.#observed.get(id)?.namespace, warmName(id), signal);
    this.#observed.delete(id);
  }
}

const idOf = ({ metadata }: V1ReplicaSet) => metadata?.labels?.[LABELS.warm] ?? "";
