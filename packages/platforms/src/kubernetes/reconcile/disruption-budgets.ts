import { type EndpointRef, type EndpointSpec, endpointKey } from "@faas/core";
import type { KubernetesApi } from "../client/api-client.ts";
import type { KubernetesObject } from "../client/objects.ts";
import { budgetManifest, needsBudget } from "./manifests/disruption-budget.ts";
import { type ManifestOptions, namespaceOf } from "./manifests/labels.ts";
import type { ObjectCache } from "./object-cache.ts";

const KIND = "PodDisruptionBudget";

export interface DisruptionBudgetsOptions {
  readonly api: Pick<KubernetesApi, "delete">;
  readonly cache: ObjectCache;
  readonly manifests: ManifestOptions;
}

/** The budgets of endpoints that have some replicas at all times. */
export class DisruptionBudgets {
  readonly #options: DisruptionBudgetsOptions;

  constructor(options: DisruptionBudgetsOptions) {
    this.#options = options;
  }

  /** Applies the budget of an endpoint unless it is there unchanged, or deletes one that the endpoint no longer needs. */
  async reconcile(
    spec: EndpointSpec,
    isOutdated: boolean,
    apply: (manifest: KubernetesObject) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    const { cache, manifests } = this.#options;
    if (!needsBudget(spec)) return this.delete(spec, signal);
    const key = endpointKey(spec);
    if (!isOutdated && cache.has(KIND, key)) return;
    await apply(budgetManifest(spec, manifests) as KubernetesObject);
    cache.created(KIND, key);
  }

  /** Deletes the budget of an endpoint, if it has one. */
  async delete(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    const { api, cache } = this.#options;
    if (!cache.deleted(KIND, endpointKey(ref))) return;
    await api.delete(KIND, namespaceOf(ref.org), ref.endpoint, signal);
  }
}
