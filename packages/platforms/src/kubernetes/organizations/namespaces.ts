import { setTimeout as delay } from "node:timers/promises";
import { FaasError, type LimitNumbers, type Limits, limitNumbers, NAMESPACE_PREFIX } from "@faas/core";
import type { V1Namespace } from "@kubernetes/client-node";
import type { PlatformLog } from "../../common/platform-log.ts";
import { ClusterError, type Kind, type KubernetesApi, type KubernetesObject } from "../client/api-client.ts";
import type { WatchHandler } from "../client/informer.ts";
import { type Drift, driftOf } from "../reconcile/drift.ts";
import { forceApply, ReapplyBackoff } from "../reconcile/force-apply.ts";
import {
  DEFAULT_LIMITS,
  LABELS,
  MANAGER,
  type ManifestOptions,
  namespaceManifest,
  namespaceOf,
  orgManifests,
  pullSecretManifests,
} from "../reconcile/manifests.ts";
import { lostLogin, type RegistryLogins } from "./pull-secrets.ts";

/** Deleting a namespace takes as long as its pods take to drain. */
const TERMINATING_MS = 45_000;
const STEP_MS = 250;
const CHANGED = "an object was changed by somebody else: set again";

/** What an organization has beside its namespace. */
const PARTS = ["NetworkPolicy", "ResourceQuota", "LimitRange"] as const satisfies Kind[];

export interface OrgsOptions {
  readonly api: KubernetesApi;
  readonly manifests: ManifestOptions;
  readonly logins: RegistryLogins;
  readonly log: PlatformLog;
  readonly signal: AbortSignal;
  /** The organization lost its namespace, or something in it: its endpoints have to be looked at. */
  readonly lost: (org: string) => void;
  /** Time that a namespace which is being deleted is waited for; 45 s. */
  readonly terminatingMs?: number | undefined;
}

/** The organizations' namespaces and what is in them beside endpoints: made once, ours alone, and mended when somebody else changes or deletes it. */
export class KubernetesOrgs {
  readonly namespaces: WatchHandler<V1Namespace>;
  readonly parts: Readonly<Record<(typeof PARTS)[number], WatchHandler<KubernetesObject>>>;
  readonly #options: OrgsOptions;
  readonly #limits = new Map<string, Limits>();
  readonly #made = new Map<string, Promise<void>>();
  /** Organizations that are wanted: those that `ensure` was called for. */
  readonly #wanted = new Set<string>();
  /** Of the namespaces, by organization. */
  readonly #uids = new Map<string, string>();
  /** The version that our last apply gave an object: what is observed of a former one is no news. */
  readonly #versions = new Map<string, bigint>();
  readonly #pace = new ReapplyBackoff();
  readonly #mending = new Set<string>();

  constructor(options: OrgsOptions) {
    this.#options = options;
    this.namespaces = this.#follow("Namespace", (found) => this.#namespace(found));
    const part = (kind: Kind) => this.#follow<KubernetesObject>(kind, (found) => this.#part(kind, found));
    this.parts = {
      NetworkPolicy: part("NetworkPolicy"),
      ResourceQuota: part("ResourceQuota"),
      LimitRange: part("LimitRange"),
    };
  }

  /** Rejects with NAMESPACE_TAKEN, NAMESPACE_TERMINATING, CLUSTER_*; nothing was touched then that is not ours. */
  async apply(org: string, limits: Limits, signal?: AbortSignal): Promise<void> {
    if (JSON.stringify(this.#limits.get(org)) !== JSON.stringify(limits)) this.#made.delete(org);
    this.#limits.set(org, limits);
    await this.ensure(org, signal);
  }

  /** The same with the limits that it had. Many may ask at once. */
  ensure(org: string, signal?: AbortSignal): Promise<void> {
    this.#wanted.add(org);
    let made = this.#made.get(org);
    if (!made) {
      made = this.#make(org, signal);
      this.#made.set(org, made);
      made.catch(() => this.#made.delete(org));
    }
    return made;
  }

  /** Keeps a login with which the nodes pull the organization's images. */
  async registryLogin(org: string, dockerConfigJson: string, signal?: AbortSignal): Promise<void> {
    const { api, manifests, logins } = this.#options;
    await this.ensure(org, signal);
    for (const manifest of pullSecretManifests(org, dockerConfigJson, manifests))
      await api.apply(manifest as KubernetesObject, signal);
    await logins.given(org, this.#uids.get(org) ?? "");
  }

  /** It had a login once, and lost it with its namespace. */
  lostLogin(org: string): boolean {
    return this.#options.logins.isLost(org, this.#uids.get(org));
  }

  /** What holds for its endpoints: the startup boost is no more than all that the organization may have. */
  manifestsOf(org: string): ManifestOptions {
    const { manifests } = this.#options;
    const { startupCpuMillis } = manifests;
    if (startupCpuMillis === undefined) return manifests;
    const { cpuMillis } = this.#limitsOf(org);
    return { ...manifests, startupCpuMillis: Math.min(startupCpuMillis, cpuMillis) };
  }

  /** Its namespace, or something in it, is gone: the next `ensure` makes it again. */
  forget(org: string): void {
    this.#made.delete(org);
  }

  /** Deletes the namespace with all that is in it. Resolves when the API server has taken it; succeeds when there is none of ours. */
  async remove(org: string, signal?: AbortSignal): Promise<void> {
    const { api, logins } = this.#options;
    this.#wanted.delete(org);
    this.#made.delete(org);
    this.#limits.delete(org);
    await logins.forget(org);
    const found = await api.get<V1Namespace>("Namespace", undefined, namespaceOf(org), signal);
    if (found && this.#isOurs(found)) await api.delete("Namespace", undefined, namespaceOf(org), signal);
  }

  #isOurs({ metadata }: V1Namespace): boolean {
    const labels = metadata?.labels ?? {};
    return labels[LABELS.managedBy] === MANAGER && labels[LABELS.instance] === this.#options.manifests.instance;
  }

  async #make(org: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#makeNamespace(org, signal);
    await Promise.all(
      this.#manifests(org).map(async (manifest) => {
        const applied = this.#applied(await this.#options.api.apply<KubernetesObject>(manifest, signal));
        // Added while nobody looked.
        const drift = driftOf(manifest, applied);
        if (!drift) return;
        this.#tell(org, manifest.kind as Kind, drift);
        this.#applied(await forceApply(this.#options.api, manifest, signal));
      }),
    );
  }

  #manifests(org: string): readonly KubernetesObject[] {
    return orgManifests(org, this.#limitsOf(org), this.#options.manifests);
  }

  #limitsOf(org: string): LimitNumbers {
    return limitNumbers(this.#limits.get(org) ?? {}, DEFAULT_LIMITS);
  }

  async #makeNamespace(org: string, signal: AbortSignal | undefined): Promise<void> {
    const { api, manifests, terminatingMs = TERMINATING_MS } = this.#options;
    const name = namespaceOf(org);
    const manifest = namespaceManifest(org, manifests);
    const deadline = Date.now() + terminatingMs;
    for (;;) {
      const found = await api.get<V1Namespace>("Namespace", undefined, name, signal);
      const isEnding = found?.metadata?.deletionTimestamp !== undefined;
      if (found && !isEnding && !this.#isOurs(found)) throw taken(found, manifests.instance);
      if (found && !isEnding) {
        this.#namespaceMade(org, await api.apply(manifest, signal));
        return;
      }
      if (!found) {
        const isMade = await api.create(manifest, signal).then(
          (made) => {
            this.#namespaceMade(org, made);
            return true;
          },
          (error) => {
            if (error instanceof ClusterError && error.reason === "AlreadyExists") return false;
            throw error;
          },
        );
        if (isMade) return;
      }
      if (Date.now() > deadline) throw terminating(name, found);
      await delay(STEP_MS, undefined, { signal });
    }
  }

  #namespaceMade(org: string, namespace: V1Namespace): void {
    this.#applied(namespace as KubernetesObject);
    this.#uids.set(org, namespace.metadata?.uid ?? "");
    if (this.lostLogin(org)) this.#options.log.warn({ org }, lostLogin(org));
  }

  #applied(object: KubernetesObject): KubernetesObject {
    this.#versions.set(idOf(object.kind as Kind, object), versionOf(object));
    return object;
  }

  /** Objects that an organization has to have; they may also be lost while nobody could follow. */
  #follow<T extends KubernetesObject>(kind: Kind, seen: (found: T) => void): WatchHandler<T> {
    const present = new Map<string, string>();
    const gone = (id: string) => {
      const org = present.get(id);
      if (org !== undefined && present.delete(id)) this.#gone(org, kind);
    };
    const changed = (one: T) => {
      present.set(idOf(kind, one), orgOf(one));
      seen(one);
    };
    return {
      listed: (all) => {
        const now = new Set(all.map((one) => idOf(kind, one)));
        for (const id of [...present.keys()]) if (!now.has(id)) gone(id);
        all.forEach(changed);
      },
      changed,
      deleted: (one) => gone(idOf(kind, one)),
    };
  }

  #gone(org: string, kind: Kind): void {
    const { log, lost } = this.#options;
    this.forget(org);
    if (!this.#wanted.has(org)) return;
    log.warn({ org, kind }, "an object was deleted by somebody else: made again");
    this.#again(org);
    lost(org);
  }

  #again(org: string): void {
    const { log, signal } = this.#options;
    this.ensure(org, signal).catch((error) => {
      if (signal.aborted) return;
      log.warn({ err: error, org }, "an organization's namespace could not be mended; its next deploy tries again");
    });
  }

  #namespace(found: V1Namespace): void {
    const org = orgOf(found as KubernetesObject);
    if (found.metadata?.deletionTimestamp) {
      this.forget(org);
      return;
    }
    const labels = found.metadata?.labels ?? {};
    const wanted = this.#wantedFor("Namespace", found as KubernetesObject)?.metadata?.labels ?? {};
    const fields = Object.entries(wanted).flatMap(([name, value]) =>
      labels[name] === value ? [] : [`metadata.labels["${name}"]`],
    );
    if (fields.length > 0) this.#changed("Namespace", found as KubernetesObject, { fields, by: [] });
  }

  #part(kind: Kind, found: KubernetesObject): void {
    const wanted = this.#wantedFor(kind, found);
    const drift = wanted && driftOf(wanted, found);
    if (drift) this.#changed(kind, found, drift);
  }

  #wantedFor(kind: Kind, found: KubernetesObject): KubernetesObject | undefined {
    const org = orgOf(found);
    if (!this.#wanted.has(org)) return undefined;
    if (kind === "Namespace") return namespaceManifest(org, this.#options.manifests) as KubernetesObject;
    return this.#manifests(org).find((one) => one.kind === kind && one.metadata?.name === found.metadata?.name);
  }

  #changed(kind: Kind, found: KubernetesObject, drift: Drift): void {
    const { api, log, signal, lost } = this.#options;
    const id = idOf(kind, found);
    const org = orgOf(found);
    const applied = this.#versions.get(id);
    // What was not applied yet will be.
    if (applied === undefined || versionOf(found) <= applied || this.#mending.has(id)) return;
    this.#tell(org, kind, drift);
    this.#mending.add(id);
    const mend = async () => {
      await delay(this.#pace.next(id, Date.now()), undefined, { signal, ref: false });
      // The limits may be others by now.
      const wanted = this.#wantedFor(kind, found);
      if (!wanted) return;
      this.#applied(await (kind === "Namespace" ? api.apply(wanted, signal) : forceApply(api, wanted, signal)));
    };
    mend()
      .catch((error) => {
        if (signal.aborted) return;
        log.warn({ err: error, org, kind }, "an object could not be set again; trying again with its endpoints");
        this.forget(org);
        lost(org);
      })
      .finally(() => this.#mending.delete(id));
  }

  #tell(org: string, kind: Kind, { fields, by }: Drift): void {
    this.#options.log.warn({ org, kind, fields, by }, CHANGED);
  }
}

const idOf = (kind: Kind, { metadata }: KubernetesObject) => `${kind} ${metadata?.namespace ?? ""}/${metadata?.name}`;

const orgOf = ({ metadata }: KubernetesObject) =>
  (metadata?.namespace ?? metadata?.name ?? "").slice(NAMESPACE_PREFIX.length);

const versionOf = ({ metadata }: KubernetesObject) => BigInt(metadata?.resourceVersion ?? 0);

function taken({ metadata }: V1Namespace, instance: string): FaasError {
  const labels = metadata?.labels ?? {};
  const owner =
    labels[LABELS.managedBy] === MANAGER
      ? `belongs to another faas server ("${labels[LABELS.instance]}")`
      : "was not made by faas";
  const adopt = `kubectl label namespace ${metadata?.name} ${LABELS.managedBy}=${MANAGER} ${LABELS.instance}=${instance} --overwrite`;
  return new FaasError(
    "NAMESPACE_TAKEN",
    `The namespace ${metadata?.name} ${owner}, and nothing in it was touched. Choose another organization name, or hand it over: ${adopt}`,
  );
}

function terminating(name: string, found: V1Namespace | undefined): FaasError {
  const held = (found?.status?.conditions ?? [])
    .filter(({ status, type }) => status === "True" && type !== "NamespaceDeletionDiscoveryFailure")
    .map(({ message }) => message)
    .join("; ");
  return new FaasError(
    "NAMESPACE_TERMINATING",
    `The namespace ${name} is still being deleted${held ? `: ${held}` : ""}; try again in a moment`,
  );
}
