import { setTimeout as delay } from "node:timers/promises";
import type { EndpointSpec } from "@faas/core";
import type { V1ReplicaSet } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { pathOf } from "../client/objects.ts";
import { resourcesOf } from "../reconcile/manifests/endpoint.ts";
import { CONTAINER, CPU_LIMIT, LABELS, namespaceOf } from "../reconcile/manifests/labels.ts";

/** Label of a ReplicaSet and of its pods, by which their Deployment tells them from those of its other revisions. */
const TEMPLATE_HASH = "pod-template-hash";
/** Annotation of a ReplicaSet: its number in the history of its Deployment. */
const ROLLOUT_NUMBER = "deployment.kubernetes.io/revision";
/** Time for a new Deployment to get its ReplicaSet. */
const REPLICA_SET_STEP_MS = 50;
const REPLICA_SET_STEPS = 100;

/**
 * Returns the `pod-template-hash` of the ReplicaSet of an endpoint's current revision.
 *
 * @throws CLUSTER_*
 */
export async function templateHashOf(api: KubernetesApi, spec: EndpointSpec, signal: AbortSignal): Promise<string> {
  for (let step = 0; ; step++) {
    const selector = `${LABELS.endpoint}=${spec.endpoint},${LABELS.revision}=${spec.revision}`;
    const all = await api.list<V1ReplicaSet & { kind: "ReplicaSet" }>(
      "ReplicaSet",
      namespaceOf(spec.org),
      selector,
      signal,
    );
    const newest = all.toSorted((a, b) => numberOf(b) - numberOf(a))[0];
    const hash = newest?.metadata?.labels?.[TEMPLATE_HASH];
    if (hash !== undefined) return hash;
    if (step === REPLICA_SET_STEPS) throw new Error(`The Deployment ${spec.endpoint} has no ReplicaSet`);
    await delay(REPLICA_SET_STEP_MS, undefined, { signal });
  }
}

const numberOf = ({ metadata }: V1ReplicaSet) => Number(metadata?.annotations?.[ROLLOUT_NUMBER] ?? 0);

/**
 * Makes a claimed pod a pod of the endpoint's ReplicaSet. That of the warm pods releases it, because it no longer matches its selector, and replaces it; the
 * other one adopts it, because it matches (Kubernetes, "ReplicaSet", "Non-Template Pod acquisitions").
 */
export async function relabel(api: KubernetesApi, pod: string, spec: EndpointSpec, hash: string, signal: AbortSignal) {
  await api.call("PATCH", pathOf("Pod", namespaceOf(spec.org), pod), {
    body: {
      metadata: {
        labels: {
          [LABELS.warm]: null,
          [LABELS.endpoint]: spec.endpoint,
          [LABELS.revision]: spec.revision,
          [TEMPLATE_HASH]: hash,
        },
        annotations: { [CPU_LIMIT]: String(spec.cpuMillis) },
      },
    },
    contentType: "application/merge-patch+json",
    signal,
  });
}

/** Gives a claimed pod the requests and limits of its endpoint, in place. */
export async function resize(api: KubernetesApi, pod: string, spec: EndpointSpec, signal: AbortSignal): Promise<void> {
  const containers = [{ name: CONTAINER, resources: resourcesOf(spec, spec.cpuMillis) }];
  await api.call("PATCH", `${pathOf("Pod", namespaceOf(spec.org), pod)}/resize`, {
    body: { spec: { containers } },
    contentType: "application/strategic-merge-patch+json",
    signal,
  });
}
