import { setTimeout as delay } from "node:timers/promises";
import { FaasError, type LimitNumbers, type Limits, type Logger, limitNumbers, NAMESPACE_PREFIX } from "@faas/core";
import type { V1Namespace } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { ClusterError } from "../client/cluster-error.ts";
import type { WatchHandler } from "../client/informer.ts";
import { hastenDeletion } from "../client/namespace-deletion.ts";
import type { Kind, KubernetesObject } from "../client/objects.ts";
import { type Drift, driftOf } from "../reconcile/drift.ts";
import { forceApply, ReapplyBackoff } from "../reconcile/force-apply.ts";
import { LABELS, MANAGER, type ManifestOptions, namespaceOf } from "../reconcile/manifests/labels.ts";
import {
  DEFAULT_LIMITS,
  namespaceManifest,
  organizationManifests,
  pullSecretManifests,
} from "../reconcile/manifests/organization.ts";
import { lostLogin, type RegistryLogins } from "./pull-secrets.ts";

/** Time to wait for a terminating namespace: it takes as long as its pods take to drain. */
const TERMINATING_MS = 45_000;
const STEP_MS = 250;

/** Kinds of an organization's objects that belong to no endpoint. */
export const ORGANIZATION_KINDS = ["NetworkPolicy", "ResourceQuota", "LimitRange"] as const satisfies Kind[];
type OrganizationKind = (typeof ORGANIZATION_KINDS)[number];

export interface OrganizationNamespacesOptions {
  readonly api: KubernetesApi;
  readonly manifests: ManifestOptions;
  readonly logins: RegistryLogins;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called when an organization lost its namespace, or an object in it, so that its endpoints must be reconciled. */
  readonly onLost: (org: string) => void;
  /**
   * Time to wait for a terminating namespace.
   *
   * @defaultValue 45 s
   */
  readonly terminatingMs?: number | undefined;
}

/**
 * The organizations' namespaces, and the objects in them that belong to no endpoint. Creates them once, never touches a namespace of another owner, and
 * reverts changes and deletions from outside.
 */
export class OrganizationNamespaces {
  readonly namespaceHandler: WatchHandler<V1Namespace>;
  readonly handlers: Readonly<Record<OrganizationKind, WatchHandler<KubernetesObject>>>;
  readonly #options: OrganizationNamespacesOptions;
  readonly #limits = new Map<string, Limits>();
  readonly #creations = new Map<string, Promise<void>>();
  /** Organizations that must exist: those that `ensure` was called for. */
  readonly #required = new Set<string>();
  /** Uids of namespaces by organization. */
  readonly #uids = new Map<string, string>();
  /** Versions of objects after this server's last apply: observations of previous versions are ignored. */
  readonly #versions = new Map<string, bigint>();
  readonly #backoff = new ReapplyBackoff();
  readonly #reapplying = new Set<string>();
  /** Organizations whose namespace is terminating. */
  readonly #terminating = new Set<string>();

  constructor(options: OrganizationNamespacesOptions) {
    this.#options = options;
    this.namespaceHandler = this.#handler("Namespace", (namespace) => this.#namespaceObserved(namespace));
    const handler = (kind: Kind) =>
      this.#handler<KubernetesObject>(kind, (object) => this.#objectObserved(kind, object));
    this.handlers = {
      NetworkPolicy: handler("NetworkPolicy"),
      ResourceQuota: handler("ResourceQuota"),
      LimitRange: handler("LimitRange"),
    };
  }

  /**
   * Creates an organization's namespace and its objects, or changes its limits. Objects of other owners are not touched.
   *
   * @throws NAMESPACE_TAKEN
   * @throws NAMESPACE_TERMINATING
   * @throws CLUSTER_*
   */
  async apply(org: string, limits: Limits, signal?: AbortSignal): Promise<void> {
    if (JSON.stringify(this.#limits.get(org)) !== JSON.stringify(limits)) this.#creations.delete(org);
    this.#limits.set(org, limits);
    await this.ensure(org, signal);
  }

  /** Creates an organization's namespace and its objects with the known limits, unless they exist. Concurrent calls share one creation. */
  ensure(org: string, signal?: AbortSignal): Promise<void> {
    this.#required.add(org);
    let creation = this.#creations.get(org);
    if (!creation) {
      creation = this.#create(org, signal);
      this.#creations.set(org, creation);
      creation.catch(() => this.#creations.delete(org));
    }
    return creation;
  }

  /** Stores the login with which the nodes pull the organization's images. */
  async registryLogin(org: string, dockerConfigJson: string, signal?: AbortSignal): Promise<void> {
    const { api, manifests, logins } = this.#options;
    await this.ensure(org, signal);
    for (const manifest of pullSecretManifests(org, dockerConfigJson, manifests))
      await api.apply(manifest as KubernetesObject, signal);
    await logins.add(org, this.#uids.get(org) ?? "");
  }

  /** Returns true if the organization lost its registry login with its namespace. */
  hasLostLogin(org: string): boolean {
    return this.#options.logins.isLost(org, this.#uids.get(org));
  }

  /** Returns the manifest options for the organization's endpoints: the startup boost is bounded by the organization's CPU limit. */
  manifestOptionsOf(org: string): ManifestOptions {
    const { manifests } = this.#options;
    const { startupCpuMillis } = manifests;
    if (startupCpuMillis === undefined) return manifests;
    const { cpuMillis } = this.#limitsOf(org);
    return { ...manifests, startupCpuMillis: Math.min(startupCpuMillis, cpuMillis) };
  }

  /** Makes the next `ensure` create the namespace and its objects again. */
  forget(org: string): void {
    this.#creations.delete(org);
  }

  /**
   * Deletes the namespace and everything in it. Succeeds if the server has no such namespace. Resolves when the API server has accepted the
   * deletion.
   */
  async remove(org: string, signal?: AbortSignal): Promise<void> {
    const { api, logins } = this.#options;
    this.#required.delete(org);
    this.#creations.delete(org);
    this.#limits.delete(org);
    await logins.forget(org);
    const found = await api.get<V1Namespace>("Namespace", undefined, namespaceOf(org), signal);
    if (found && this.#isOwned(found)) await api.delete("Namespace", undefined, namespaceOf(org), signal);
  }

  #isOwned({ metadata }: V1Namespace): boolean {
    const labels = metadata?.labels ?? {};
    return labels[LABELS.managedBy] === MANAGER && labels[LABELS.instance] === this.#options.manifests.instance;
  }

  async #create(org: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#createNamespace(org, signal);
    await Promise.all(
      this.#manifests(org).map(async (manifest) => {
        const applied = this.#recordVersion(await this.#options.api.apply<KubernetesObject>(manifest, signal));
        // Fields that were added while no server was running.
        const drift = driftOf(manifest, applied);
        if (!drift) return;
        this.#logDrift(org, manifest.kind as Kind, drift);
        this.#recordVersion(await forceApply(this.#options.api, manifest, signal));
      }),
    );
  }

  #manifests(org: string): readonly KubernetesObject[] {
    return organizationManifests(org, this.#limitsOf(org), this.#options.manifests, this.#limits.get(org)?.resources);
  }

  #limitsOf(org: string): LimitNumbers {
    return limitNumbers(this.#limits.get(org) ?? {}, DEFAULT_LIMITS);
  }

  /** Creates the namespace, or applies its labels if it exists. Waits for the end of a terminating one. */
  async #createNamespace(org: string, signal: AbortSignal | undefined): Promise<void> {
    const { api, manifests, terminatingMs = TERMINATING_MS } = this.#options;
    const name = namespaceOf(org);
    const manifest = namespaceManifest(org, manifests);
    const deadline = Date.now() + terminatingMs;
    for (;;) {
      const found = await api.get<V1Namespace>("Namespace", undefined, name, signal);
      if (found && found.metadata?.deletionTimestamp === undefined) {
        if (!this.#isOwned(found)) throw namespaceTaken(found, manifests.instance);
        return this.#namespaceCreated(org, await api.apply(manifest, signal));
      }
      const created = found ? undefined : await createIfMissing(api, manifest, signal);
      if (created) return this.#namespaceCreated(org, created);
      if (Date.now() > deadline) throw namespaceTerminating(name, found);
      await delay(STEP_MS, undefined, { signal });
    }
  }

  #namespaceCreated(org: string, namespace: V1Namespace): void {
    this.#recordVersion(namespace as KubernetesObject);
    const { uid = "" } = namespace.metadata ?? {};
    // Deletions of objects in the previous namespace may be observed after its end; each causes another creation.
    const isNew = this.#uids.get(org) !== uid;
    this.#uids.set(org, uid);
    if (isNew && this.hasLostLogin(org)) this.#options.log.warn({ org }, lostLogin(org));
  }

  #recordVersion(object: KubernetesObject): KubernetesObject {
    this.#versions.set(idOf(object.kind as Kind, object), versionOf(object));
    return object;
  }

  /** Returns a handler that also detects objects deleted while the watch was interrupted. */
  #handler<T extends KubernetesObject>(kind: Kind, onObserved: (object: T) => void): WatchHandler<T> {
    const present = new Map<string, string>();
    const onDeleted = (id: string) => {
      const org = present.get(id);
      if (org !== undefined && present.delete(id)) this.#deleted(org, kind);
    };
    const changed = (object: T) => {
      present.set(idOf(kind, object), organizationOf(object));
      onObserved(object);
    };
    return {
      listed: (all) => {
        const ids = new Set(all.map((object) => idOf(kind, object)));
        for (const id of [...present.keys()]) if (!ids.has(id)) onDeleted(id);
        all.forEach(changed);
      },
      changed,
      deleted: (object) => onDeleted(idOf(kind, object)),
    };
  }

  #deleted(org: string, kind: Kind): void {
    const { log, signal, onLost } = this.#options;
    this.forget(org);
    if (!this.#required.has(org)) return;
    log.warn({ org, kind }, "object was deleted outside faas, recreating it");
    this.ensure(org, signal).catch((error) => {
      if (signal.aborted) return;
      log.warn(
        { err: error, org },
        "failed to recreate an organization's namespace, will retry on its next deployment",
      );
    });
    onLost(org);
  }

  #namespaceObserved(namespace: V1Namespace): void {
    const org = organizationOf(namespace as KubernetesObject);
    if (namespace.metadata?.deletionTimestamp) {
      this.forget(org);
      this.#hastenDeletion(org);
      return;
    }
    const labels = namespace.metadata?.labels ?? {};
    const expected = this.#manifestOf("Namespace", namespace as KubernetesObject)?.metadata?.labels ?? {};
    const fields = Object.entries(expected).flatMap(([name, value]) =>
      labels[name] === value ? [] : [`metadata.labels["${name}"]`],
    );
    if (fields.length > 0) this.#revert("Namespace", namespace as KubernetesObject, { fields, by: [] });
  }

  #hastenDeletion(org: string): void {
    if (this.#terminating.has(org)) return;
    this.#terminating.add(org);
    const { api, signal } = this.#options;
    void hastenDeletion(api, namespaceOf(org), signal).then(() => this.#terminating.delete(org));
  }

  #objectObserved(kind: Kind, object: KubernetesObject): void {
    const manifest = this.#manifestOf(kind, object);
    const drift = manifest && driftOf(manifest, object);
    if (drift) this.#revert(kind, object, drift);
  }

  #manifestOf(kind: Kind, object: KubernetesObject): KubernetesObject | undefined {
    const org = organizationOf(object);
    if (!this.#required.has(org)) return undefined;
    if (kind === "Namespace") return namespaceManifest(org, this.#options.manifests) as KubernetesObject;
    return this.#manifests(org).find((item) => item.kind === kind && item.metadata?.name === object.metadata?.name);
  }

  /** Applies an object again that was changed outside faas. */
  #revert(kind: Kind, object: KubernetesObject, drift: Drift): void {
    const { api, log, signal, onLost } = this.#options;
    const id = idOf(kind, object);
    const org = organizationOf(object);
    const applied = this.#versions.get(id);
    // An object without a version has not been applied yet, but will be.
    if (applied === undefined || versionOf(object) <= applied || this.#reapplying.has(id)) return;
    this.#logDrift(org, kind, drift);
    this.#reapplying.add(id);
    const reapply = async () => {
      await delay(this.#backoff.next(id, Date.now()), undefined, { signal, ref: false });
      // Built now, because the limits may have changed.
      const manifest = this.#manifestOf(kind, object);
      if (!manifest) return;
      const isNamespace = kind === "Namespace";
      this.#recordVersion(await (isNamespace ? api.apply(manifest, signal) : forceApply(api, manifest, signal)));
    };
    reapply()
      .catch((error) => {
        if (signal.aborted) return;
        log.warn({ err: error, org, kind }, "failed to reapply an object, will retry with its endpoints");
        this.forget(org);
        onLost(org);
      })
      .finally(() => this.#reapplying.delete(id));
  }

  #logDrift(org: string, kind: Kind, { fields, by }: Drift): void {
    this.#options.log.warn({ org, kind, fields, by }, "object was changed outside faas, reapplying it");
  }
}

/** Creates an object; returns `undefined` if it exists. */
async function createIfMissing<T extends KubernetesObject>(
  api: KubernetesApi,
  object: T,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  return api.create(object, signal).catch((error) => {
    if (error instanceof ClusterError && error.reason === "AlreadyExists") return undefined;
    throw error;
  });
}

const idOf = (kind: Kind, { metadata }: KubernetesObject) => `${kind} ${metadata?.namespace ?? ""}/${metadata?.name}`;

const organizationOf = ({ metadata }: KubernetesObject) =>
  (metadata?.namespace ?? metadata?.name ?? "").slice(NAMESPACE_PREFIX.length);

const versionOf = ({ metadata }: KubernetesObject) => BigInt(metadata?.resourceVersion ?? 0);

function namespaceTaken({ metadata }: V1Namespace, instance: string): FaasError {
  const labels = metadata?.labels ?? {};
  const owner =
    labels[LABELS.managedBy] === MANAGER
      ? `belongs to another faas server ("${labels[LABELS.instance]}")`
      : "was not created by faas";
  const adopt = `kubectl label namespace ${metadata?.name} ${LABELS.managedBy}=${MANAGER} ${LABELS.instance}=${instance} --overwrite`;
  return new FaasError(
    "NAMESPACE_TAKEN",
    `The namespace ${metadata?.name} ${owner}, and was left alone. Choose another organization name, or hand the namespace over to this server: ${adopt}`,
  );
}

function namespaceTerminating(name: string, found: V1Namespace | undefined): FaasError {
  const blockers = (found?.status?.conditions ?? [])
    .filter(({ status, type }) => status === "True" && type !== "NamespaceDeletionDiscoveryFailure")
    .map(({ message }) => message)
    .join("; ");
  return new FaasError(
    "NAMESPACE_TERMINATING",
    `The namespace ${name} is still being deleted${blockers ? `: ${blockers}` : ""}; retry shortly`,
  );
}
