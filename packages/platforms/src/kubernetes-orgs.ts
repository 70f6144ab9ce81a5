import { setTimeout as delay } from "node:timers/promises";
import { FaasError, type OrgQuota } from "@faas/core";
import type { V1Namespace } from "@kubernetes/client-node";
import { ClusterError, type KubernetesApi } from "./kubernetes-api.ts";
import {
  LABELS,
  MANAGER,
  type ManifestOptions,
  namespaceManifest,
  namespaceOf,
  orgManifests,
} from "./kubernetes-manifests.ts";

/** Deleting a namespace takes as long as its pods take to drain. */
const TERMINATING_MS = 45_000;
const STEP_MS = 250;

/** The organizations' namespaces: made once, ours alone, and made again when somebody deletes one. */
export class KubernetesOrgs {
  readonly #api: KubernetesApi;
  readonly #options: ManifestOptions;
  readonly #terminatingMs: number;
  readonly #quotas = new Map<string, OrgQuota>();
  readonly #made = new Map<string, Promise<void>>();

  constructor(api: KubernetesApi, options: ManifestOptions, terminatingMs = TERMINATING_MS) {
    this.#api = api;
    this.#options = options;
    this.#terminatingMs = terminatingMs;
  }

  /** Rejects with NAMESPACE_TAKEN, NAMESPACE_TERMINATING, CLUSTER_*; nothing was touched then that is not ours. */
  async apply(org: string, quota: OrgQuota, signal?: AbortSignal): Promise<void> {
    if (JSON.stringify(this.#quotas.get(org)) !== JSON.stringify(quota)) this.#made.delete(org);
    this.#quotas.set(org, quota);
    await this.ensure(org, signal);
  }

  /** The same with the quota that it had. Many may ask at once. */
  ensure(org: string, signal?: AbortSignal): Promise<void> {
    let made = this.#made.get(org);
    if (!made) {
      made = this.#make(org, signal);
      this.#made.set(org, made);
      made.catch(() => this.#made.delete(org));
    }
    return made;
  }

  /** What holds for its endpoints: the startup boost is no more than all that the organization may have. */
  manifestsOf(org: string): ManifestOptions {
    const { startupCpuMillis } = this.#options;
    const { cpuMillis } = this.#quotas.get(org) ?? {};
    if (startupCpuMillis === undefined || cpuMillis === undefined) return this.#options;
    return { ...this.#options, startupCpuMillis: Math.min(startupCpuMillis, cpuMillis) };
  }

  /** Its namespace, or something in it, is gone: the next `ensure` makes it again. */
  forget(org: string): void {
    this.#made.delete(org);
  }

  /** Deletes the namespace with all that is in it. Resolves when the API server has taken it; succeeds when there is none of ours. */
  async remove(org: string, signal?: AbortSignal): Promise<void> {
    this.#made.delete(org);
    this.#quotas.delete(org);
    const found = await this.#api.get<V1Namespace>("Namespace", undefined, namespaceOf(org), signal);
    if (found && this.#isOurs(found)) await this.#api.delete("Namespace", undefined, namespaceOf(org), signal);
  }

  #isOurs({ metadata }: V1Namespace): boolean {
    const labels = metadata?.labels ?? {};
    return labels[LABELS.managedBy] === MANAGER && labels[LABELS.instance] === this.#options.instance;
  }

  async #make(org: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#makeNamespace(org, signal);
    const manifests = orgManifests(org, this.#quotas.get(org) ?? {}, this.#options);
    await Promise.all(manifests.map((manifest) => this.#api.apply(manifest, signal)));
  }

  async #makeNamespace(org: string, signal: AbortSignal | undefined): Promise<void> {
    const name = namespaceOf(org);
    const manifest = namespaceManifest(org, this.#options);
    const deadline = Date.now() + this.#terminatingMs;
    for (;;) {
      const found = await this.#api.get<V1Namespace>("Namespace", undefined, name, signal);
      const isEnding = found?.metadata?.deletionTimestamp !== undefined;
      if (found && !isEnding && !this.#isOurs(found)) throw taken(found, this.#options.instance);
      if (found && !isEnding) {
        await this.#api.apply(manifest, signal);
        return;
      }
      if (!found) {
        const isMade = await this.#api.create(manifest, signal).then(
          () => true,
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
}

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
