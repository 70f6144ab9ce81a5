import { type EndpointRef, endpointKey } from "@faas/core";
import type { V1Deployment } from "@kubernetes/client-node";
import type { WatchHandler } from "../client/informer.ts";
import type { Kind, KubernetesObject, ManagedFields } from "../client/objects.ts";
import { APPLIED, GATEWAY_NAME, LABELS } from "./manifests/labels.ts";

/** Kind of an object that belongs to one endpoint. */
export const ENDPOINT_KINDS = [
  "Deployment",
  "Service",
  "HorizontalPodAutoscaler",
  "PodDisruptionBudget",
] as const satisfies Kind[];
export type EndpointKind = (typeof ENDPOINT_KINDS)[number];

export interface ObservedDeployment extends EndpointRef {
  readonly revision: string;
  readonly replicas: number;
  /** True if a gateway set the number of replicas, while it had no control server. */
  readonly wokenByGateway: boolean;
  /** True while pods of a previous revision exist. */
  readonly isRolling: boolean;
  /** Digest of the applied manifests. */
  readonly applied: string | undefined;
  readonly version: bigint;
  readonly uid: string;
}

/** Listeners to observed changes; `key` is "org/endpoint". */
export interface ObjectCacheEvents {
  onObserved(kind: EndpointKind, key: string, object: KubernetesObject, isNew: boolean): void;
  /** Called when an object was deleted, but not by this server. */
  onDeleted(kind: EndpointKind, key: string): void;
}

/** The endpoints' objects as last observed, or as this server's own writes left them since. */
export class ObjectCache {
  readonly deployments: WatchHandler<V1Deployment>;
  readonly services: WatchHandler<KubernetesObject>;
  readonly autoscalers: WatchHandler<KubernetesObject>;
  readonly budgets: WatchHandler<KubernetesObject>;
  readonly #events: ObjectCacheEvents;
  readonly #deployments = new Map<string, ObservedDeployment>();
  readonly #present = {
    Service: new Set<string>(),
    HorizontalPodAutoscaler: new Set<string>(),
    PodDisruptionBudget: new Set<string>(),
  };
  /** Uids of Deployments that this server deleted, whose late events are ignored. */
  readonly #deletedUids = new Set<string>();

  constructor(events: ObjectCacheEvents) {
    this.#events = events;
    this.deployments = {
      listed: (all) => {
        const present = new Set(all.map(keyOf));
        for (const key of [...this.#deployments.keys()]) if (!present.has(key)) this.#deploymentDeleted(key);
        this.#deletedUids.clear();
        for (const deployment of all) this.observe(deployment);
      },
      changed: (deployment) => this.observe(deployment),
      deleted: (deployment) => {
        if (!this.#deletedUids.delete(deployment.metadata?.uid ?? "")) this.#deploymentDeleted(keyOf(deployment));
      },
    };
    this.services = this.#presenceHandler("Service");
    this.autoscalers = this.#presenceHandler("HorizontalPodAutoscaler");
    this.budgets = this.#presenceHandler("PodDisruptionBudget");
  }

  deployment(key: string): ObservedDeployment | undefined {
    return this.#deployments.get(key);
  }

  has(kind: EndpointKind, key: string): boolean {
    return kind === "Deployment" ? this.#deployments.has(key) : this.#present[kind].has(key);
  }

  /** Stores a Deployment from a watch or from the response to a write; ignores one older than the known version. */
  observe(deployment: V1Deployment): void {
    const key = keyOf(deployment);
    const { uid = "", resourceVersion = 0, labels = {}, annotations } = deployment.metadata ?? {};
    const version = BigInt(resourceVersion);
    if (this.#deletedUids.has(uid)) return;
    const before = this.#deployments.get(key);
    if (before && before.version > version) return;
    this.#deployments.set(key, {
      org: labels[LABELS.org] ?? "",
      endpoint: labels[LABELS.endpoint] ?? "",
      revision: deployment.spec?.template.metadata?.labels?.[LABELS.revision] ?? "",
      replicas: deployment.spec?.replicas ?? 1,
      wokenByGateway: isWokenByGateway(deployment),
      isRolling: isRolling(deployment),
      applied: annotations?.[APPLIED],
      version,
      uid,
    });
    this.#events.onObserved("Deployment", key, deployment as KubernetesObject, before === undefined);
  }

  /** Records an object that this server created. */
  created(kind: Exclude<EndpointKind, "Deployment">, key: string): void {
    this.#present[kind].add(key);
  }

  /** Records an object that this server deletes; returns true if it existed. */
  deleted(kind: EndpointKind, key: string): boolean {
    if (kind !== "Deployment") return this.#present[kind].delete(key);
    const known = this.#deployments.get(key);
    if (known) this.#deletedUids.add(known.uid);
    return this.#deployments.delete(key);
  }

  /** Records the number of replicas that this server set. */
  scaled(key: string, replicas: number, resourceVersion: string | undefined): void {
    const known = this.#deployments.get(key);
    if (!known) return;
    this.#deployments.set(key, {
      ...known,
      replicas,
      wokenByGateway: false,
      version: BigInt(resourceVersion ?? known.version),
    });
  }

  #deploymentDeleted(key: string): void {
    if (this.#deployments.delete(key)) this.#events.onDeleted("Deployment", key);
  }

  #presenceHandler(kind: Exclude<EndpointKind, "Deployment">): WatchHandler<KubernetesObject> {
    const present = this.#present[kind];
    const onDeleted = (key: string) => {
      if (present.delete(key)) this.#events.onDeleted(kind, key);
    };
    const changed = (object: KubernetesObject) => {
      const key = keyOf(object);
      const isNew = !present.has(key);
      present.add(key);
      this.#events.onObserved(kind, key, object, isNew);
    };
    return {
      listed: (all) => {
        const now = new Set(all.map(keyOf));
        for (const key of [...present]) if (!now.has(key)) onDeleted(key);
        all.forEach(changed);
      },
      changed,
      deleted: (object) => onDeleted(keyOf(object)),
    };
  }
}

/** Returns true if the last writer of the number of replicas was a gateway: another writer of a different number takes the field over. */
function isWokenByGateway({ metadata }: V1Deployment): boolean {
  const entries = (metadata?.managedFields ?? []) as readonly ManagedFields[];
  return entries.some(
    ({ manager, subresource, fieldsV1 }) =>
      manager === GATEWAY_NAME && subresource === "scale" && fieldsV1?.["f:spec"]?.["f:replicas"] !== undefined,
  );
}

function isRolling({ metadata, status }: V1Deployment): boolean {
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) return true;
  return (status?.replicas ?? 0) > (status?.updatedReplicas ?? 0);
}

const keyOf = ({ metadata }: KubernetesObject) =>
  endpointKey({ org: metadata?.labels?.[LABELS.org] ?? "", endpoint: metadata?.labels?.[LABELS.endpoint] ?? "" });
