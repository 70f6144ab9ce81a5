import { type EndpointRef, type EndpointSpec, endpointKey, type Logger } from "@faas/core";
import type { KubernetesApi } from "../client/api-client.ts";
import { type KubernetesObject, pathOf } from "../client/objects.ts";
import type { KubernetesEndpoint } from "../endpoint.ts";
import { namespaceOf } from "./manifests/labels.ts";
import type { ObjectCache, ObservedDeployment } from "./object-cache.ts";

/** Field manager of the number of replicas, so that applying a revision does not change it. */
const SCALER = "faas-scaler";

export interface ReplicaScalerOptions {
  readonly api: KubernetesApi;
  readonly cache: ObjectCache;
  readonly log: Logger;
}

/** Sets the number of replicas of Deployments, where no autoscaler does. */
export class ReplicaScaler {
  readonly #options: ReplicaScalerOptions;
  /** Endpoints whose number of replicas is being set: numbers observed in the meantime are out of date. */
  readonly #inProgress = new Set<string>();
  /** Endpoints to scale down when their rollout has ended. */
  readonly #deferred = new Set<string>();

  constructor(options: ReplicaScalerOptions) {
    this.#options = options;
  }

  forget(key: string): void {
    this.#deferred.delete(key);
  }

  /**
   * Takes over replicas that a gateway started because calls waited, and it had no control server to ask. Returns true if it did: a gateway only starts
   * replicas where there are none.
   */
  adopt(endpoint: KubernetesEndpoint, { replicas, wokenByGateway }: ObservedDeployment): boolean {
    const key = endpointKey(endpoint.spec);
    if (!wokenByGateway || replicas === 0 || endpoint.desired !== 0 || this.#inProgress.has(key)) return false;
    this.#options.log.info({ endpoint: key, replicas }, "a gateway started replicas, keeping them");
    endpoint.adopt(replicas);
    return true;
  }

  /** Returns true if the observed number of replicas must be corrected. */
  hasDrifted({ spec, desired = 0 }: KubernetesEndpoint, observed: ObservedDeployment): boolean {
    if (this.#inProgress.has(endpointKey(spec))) return false;
    if (spec.scaler === "cpu") return desired === 0 ? observed.replicas > 0 : observed.replicas === 0;
    return observed.replicas !== possibleReplicas(observed, desired);
  }

  /** Returns the number of replicas to apply with a Deployment. */
  replicasToApply({ spec, desired = 0 }: KubernetesEndpoint, observed: ObservedDeployment | undefined): number {
    // The autoscaler sets the number. It is applied anyway: a field without an owner would be reset to 1.
    if (observed && isAutoscaled(spec, desired, observed)) return observed.replicas;
    return this.#possibleReplicas(spec, desired, observed);
  }

  /**
   * Sets the desired number of replicas, as far as possible now.
   *
   * @param prepared resolves when that may begin
   */
  async scale(
    endpoint: KubernetesEndpoint,
    observed: ObservedDeployment,
    prepared?: Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { spec } = endpoint;
    if (prepared) {
      const key = endpointKey(spec);
      this.#inProgress.add(key);
      await prepared.finally(() => this.#inProgress.delete(key));
    }
    const replicas = this.#possibleReplicas(spec, endpoint.desired ?? 0, observed);
    if (observed.replicas !== replicas) await this.#setReplicas(spec, replicas, signal);
  }

  /** Corrects the number of replicas if it differs from the desired one, and logs a change from outside. */
  async reconcile({ spec, desired = 0 }: KubernetesEndpoint, observed: ObservedDeployment, signal: AbortSignal) {
    const key = endpointKey(spec);
    const replicas = possibleReplicas(observed, desired);
    if (isAutoscaled(spec, desired, observed) || observed.replicas === replicas) return;
    if (!this.#deferred.delete(key))
      this.#options.log.warn(
        { endpoint: key, found: observed.replicas, wanted: desired },
        "number of replicas was changed outside faas, resetting it",
      );
    if (spec.scaler === "cpu" && desired === 0) await this.deleteAutoscaler(spec, signal);
    await this.#setReplicas(spec, replicas, signal);
  }

  async deleteAutoscaler(ref: EndpointRef, signal?: AbortSignal): Promise<void> {
    const { api, cache } = this.#options;
    if (!cache.deleted("HorizontalPodAutoscaler", endpointKey(ref))) return;
    await api.delete("HorizontalPodAutoscaler", namespaceOf(ref.org), ref.endpoint, signal);
  }

  /** Returns the number of replicas that can be set now, and remembers if it is not the desired one. */
  #possibleReplicas(ref: EndpointRef, desired: number, observed: ObservedDeployment | undefined): number {
    const key = endpointKey(ref);
    const replicas = possibleReplicas(observed, desired);
    if (replicas === desired) this.#deferred.delete(key);
    else this.#deferred.add(key);
    return replicas;
  }

  async #setReplicas(ref: EndpointRef, replicas: number, signal?: AbortSignal): Promise<void> {
    const { api, cache } = this.#options;
    const key = endpointKey(ref);
    const path = `${pathOf("Deployment", namespaceOf(ref.org), ref.endpoint)}/scale`;
    this.#inProgress.add(key);
    const { metadata } = await api
      .call<KubernetesObject>("PATCH", path, {
        body: { spec: { replicas } },
        contentType: "application/merge-patch+json",
        query: { fieldManager: SCALER },
        signal,
      })
      .finally(() => this.#inProgress.delete(key));
    cache.scaled(key, replicas, metadata?.resourceVersion);
  }
}

/** Returns true if an autoscaler sets the number of replicas. */
const isAutoscaled = (spec: EndpointSpec, desired: number, observed: ObservedDeployment) =>
  spec.scaler === "cpu" && desired > 0 && observed.replicas > 0;

/**
 * Returns the number of replicas that can be set now. Scaling down during a rollout would remove replicas of all revisions in proportion, including
 * ready ones of the new revision ("Proportional scaling" of Deployments), so it waits for the end of the rollout.
 */
function possibleReplicas(observed: ObservedDeployment | undefined, desired: number): number {
  return observed?.isRolling && desired > 0 && desired < observed.replicas ? observed.replicas : desired;
}
