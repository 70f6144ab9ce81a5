import { setTimeout as delay } from "node:timers/promises";
import type { EndpointSpec } from "@faas/core";
import type { V1ReplicaSet } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { pathOf } from "../client/objects.ts";
import { CPU_LIMIT, LABELS, namespaceOf } from "../reconcile/manifests/labels.ts";

/** Label of a ReplicaSet and of its pods, by which their Deployment tells them from those of its other revisions. */
const TEMPLATE_HASH = "pod-template-hash";
/** Annotation of a ReplicaSet: its number in the history of its Deployment. */
const ROLLOUT_NUMBER = "deployment.kubernetes.io/revision";
const STEP_MS = 10;
/** Time for the Deployment controller to scale the ReplicaSet. */
const SCALE_MS = 5_000;

/**
 * Waits until the ReplicaSet of an endpoint's current revision wants as many pods as the endpoint does, and returns its `pod-template-hash`. A pod that it
 * adopted earlier, it would delete at once as superfluous.
 *
 * @throws CLUSTER_*
 */
export async function templateHashOf(
  api: KubernetesApi,
  spec: EndpointSpec,
  replicas: number,
  signal: AbortSignal,
): Promise<string> {
  const selector = `${LABELS.endpoint}=${spec.endpoint},${LABELS.revision}=${spec.revision}`;
  const began = performance.now();
  for (;;) {
    type Listed = V1ReplicaSet & { kind: "ReplicaSet" };
    const all = await api.list<Listed>("ReplicaSet", namespaceOf(spec.org), selector, signal);
    const newest = all.toSorted((a, b) => numberOf(b) - numberOf(a))[0];
    const hash = newest?.metadata?.labels?.[TEMPLATE_HASH];
    const isLate = performance.now() - began > SCALE_MS;
    if (hash !== undefined && (isLate || (newest?.spec?.replicas ?? 0) >= replicas)) return hash;
    if (isLate) throw new Error(`The Deployment ${spec.endpoint} has no ReplicaSet`);
    await delay(STEP_MS, undefined, { signal });
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
