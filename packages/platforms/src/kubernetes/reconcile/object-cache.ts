import { type EndpointRef, endpointKey } from "@faas/core";
import type { V1Deployment } from "@kubernetes/client-node";
import type { KubernetesObject } from "../client/api-client.ts";
import type { WatchHandler } from "../client/informer.ts";
import { APPLIED, LABELS } from "./manifests.ts";

/** What an endpoint has of its own in the cluster. */
export type Part = "Deployment" | "Service" | "HorizontalPodAutoscaler";
export const PARTS: readonly Part[] = ["Deployment", "Service", "HorizontalPodAutoscaler"];

export interface ObservedDeployment extends EndpointRef {
  readonly revision: string;
  readonly replicas: number;
  /** Pods of a former revision are still there. */
  readonly rolling: boolean;
  /** Digest of what was applied. */
  readonly applied: string | undefined;
  readonly version: bigint;
  readonly uid: string;
}

/** Told of what is observed; `key` is "org/endpoint". */
export interface ObservedEvents {
  seen(kind: Part, key: string, object: KubernetesObject, isNew: boolean): void;
  /** It is gone, and it was not we who deleted it. */
  gone(kind: Part, key: string): void;
}

/** The endpoints' objects as they were observed last, and as our own writes left them since. */
export class ObservedObjects {
  readonly deployments: WatchHandler<V1Deployment>;
  readonly services: WatchHandler<KubernetesObject>;
  readonly autoscalers: WatchHandler<KubernetesObject>;
  readonly #events: ObservedEvents;
  readonly #deployments = new Map<string, ObservedDeployment>();
  readonly #present = { Service: new Set<string>(), HorizontalPodAutoscaler: new Set<string>() };
  /** Deployments that we deleted, by uid: what comes of them late is no news. */
  readonly #deleted = new Set<string>();

  constructor(events: ObservedEvents) {
    this.#events = events;
    this.deployments = {
      listed: (all) => {
        const present = new Set(all.map(keyOf));
        for (const key of [...this.#deployments.keys()]) if (!present.has(key)) this.#deploymentGone(key);
        this.#deleted.clear();
        for (const one of all) this.observe(one);
      },
      changed: (one) => this.observe(one),
      deleted: (one) => {
        if (!this.#deleted.delete(one.metadata?.uid ?? "")) this.#deploymentGone(keyOf(one));
      },
    };
    this.services = this.#presence("Service");
    this.autoscalers = this.#presence("HorizontalPodAutoscaler");
  }

  deployment(key: string): ObservedDeployment | undefined {
    return this.#deployments.get(key);
  }

  has(kind: Part, key: string): boolean {
    return kind === "Deployment" ? this.#deployments.has(key) : this.#present[kind].has(key);
  }

  /** From a watch, or as the answer to a write. What is older than what is known is no news. */
  observe(deployment: V1Deployment): void {
    const key = keyOf(deployment);
    const { uid = "", resourceVersion = 0, labels = {}, annotations } = deployment.metadata ?? {};
    const version = BigInt(resourceVersion);
    if (this.#deleted.has(uid)) return;
    const before = this.#deployments.get(key);
    if (before && before.version > version) return;
    this.#deployments.set(key, {
      org: labels[LABELS.org] ?? "",
      endpoint: labels[LABELS.endpoint] ?? "",
      revision: deployment.spec?.template.metadata?.labels?.[LABELS.revision] ?? "",
      replicas: deployment.spec?.replicas ?? 1,
      rolling: isRolling(deployment),
      applied: annotations?.[APPLIED],
      version,
      uid,
    });
    this.#events.seen("Deployment", key, deployment as KubernetesObject, before === undefined);
  }

  /** We made it. */
  made(kind: Exclude<Part, "Deployment">, key: string): void {
    this.#present[kind].add(key);
  }

  /** We delete it, or have; true when it was there. */
  deleted(kind: Part, key: string): boolean {
    if (kind !== "Deployment") return this.#present[kind].delete(key);
    const known = this.#deployments.get(key);
    if (known) this.#deleted.add(known.uid);
    return this.#deployments.delete(key);
  }

  /** We set the number of replicas. */
  scaled(key: string, replicas: number, resourceVersion: string | undefined): void {
    const known = this.#deployments.get(key);
    if (!known) return;
    this.#deployments.set(key, { ...known, replicas, version: BigInt(resourceVersion ?? known.version) });
  }

  #deploymentGone(key: string): void {
    if (this.#deployments.delete(key)) this.#events.gone("Deployment", key);
  }

  #presence(kind: Exclude<Part, "Deployment">): WatchHandler<KubernetesObject> {
    const present = this.#present[kind];
    const gone = (key: string) => {
      if (present.delete(key)) this.#events.gone(kind, key);
    };
    const changed = (one: KubernetesObject) => {
      const key = keyOf(one);
      const isNew = !present.has(key);
      present.add(key);
      this.#events.seen(kind, key, one, isNew);
    };
    return {
      listed: (all) => {
        const now = new Set(all.map(keyOf));
        for (const key of [...present]) if (!now.has(key)) gone(key);
        all.forEach(changed);
      },
      changed,
      deleted: (one) => gone(keyOf(one)),
    };
  }
}

function isRolling({ metadata, status }: V1Deployment): boolean {
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) return true;
  return (status?.replicas ?? 0) > (status?.updatedReplicas ?? 0);
}

const keyOf = ({ metadata }: KubernetesObject) =>
  endpointKey({ org: metadata?.labels?.[LABELS.org] ?? "", endpoint: metadata?.labels?.[LABELS.endpoint] ?? "" });
