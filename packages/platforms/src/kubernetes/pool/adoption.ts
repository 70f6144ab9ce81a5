import { setTimeout as delay } from "node:timers/promises";
import type { EndpointSpec } from "@faas/core";
import type { V1ReplicaSet } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { pathOf } from "../client/objects.ts";
import type { PodFacts } from "../pods/pod-facts.ts";
import { CPU_LIMIT, LABELS, namespaceOf } from "../reconcile/manifests/labels.ts";

/** Label of a ReplicaSet and of its pods, by which their Deployment tells them from those of its other revisions. */
const TEMPLATE_HASH = "pod-template-hash";
/** Annotation of a ReplicaSet: its number in the history of its Deployment. */
const ROLLOUT_NUMBER = "deployment.kubernetes.io/revision";
/** Annotation of a pod: of two that are ready, a ReplicaSet first deletes the one with the lower number (Kubernetes, "Pod deletion cost"). */
const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const LOWEST_COST = "-2147483648";
const MIN_STEP_MS = 10;
const MAX_STEP_MS = 250;
/** Time for the Deployment controller to scale the ReplicaSet. */
const SCALE_MS = 5_000;

/** Returns the ReplicaSet of an endpoint's current revision, or `undefined` if it has none. */
export async function currentReplicaSet(
  api: KubernetesApi,
  { org, endpoint, revision }: EndpointSpec,
  signal: AbortSignal,
): Promise<V1ReplicaSet | undefined> {
  const selector = `${LABELS.endpoint}=${endpoint},${LABELS.revision}=${revision}`;
  const all = await api.list<V1ReplicaSet & { kind: "ReplicaSet" }>("ReplicaSet", namespaceOf(org), selector, signal);
  return all.toSorted((a, b) => numberOf(b) - numberOf(a))[0];
}

/**
 * Waits a limited time until the ReplicaSet of an endpoint's current revision is as expected, and returns it as it is then, or `undefined` if there is none.
 *
 * @throws CLUSTER_*
 */
export async function waitForReplicaSet(
  api: KubernetesApi,
  spec: EndpointSpec,
  isExpected: (set: V1ReplicaSet) => boolean,
  signal: AbortSignal,
): Promise<V1ReplicaSet | undefined> {
  const began = performance.now();
  for (let stepMs = MIN_STEP_MS; ; stepMs = Math.min(MAX_STEP_MS, stepMs * 1.5)) {
    const set = await currentReplicaSet(api, spec, signal);
    if ((set && isExpected(set)) || performance.now() - began > SCALE_MS) return set;
    await delay(stepMs, undefined, { signal });
  }
}

const numberOf = ({ metadata }: V1ReplicaSet) => Number(metadata?.annotations?.[ROLLOUT_NUMBER] ?? 0);

/**
 * Makes a claimed pod a pod of an endpoint's ReplicaSet, in one step: it never belongs to none, and never to two. That of the warm pods replaces it.
 *
 * @param isEarly the ReplicaSet may not want the pod yet: it must not delete it, nor another one in its place
 */
export async function transfer(
  api: KubernetesApi,
  pod: string,
  spec: EndpointSpec,
  { metadata = {} }: V1ReplicaSet,
  isEarly: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { name, uid } = metadata;
  await patchPod(
    api,
    { namespace: namespaceOf(spec.org), pod },
    {
      labels: {
        [LABELS.warm]: null,
        [LABELS.endpoint]: spec.endpoint,
        [LABELS.revision]: spec.revision,
        [TEMPLATE_HASH]: metadata.labels?.[TEMPLATE_HASH] ?? null,
        [LABELS.handOver]: isEarly ? "true" : null,
      },
      annotations: { [CPU_LIMIT]: String(spec.cpuMillis), [DELETION_COST]: isEarly ? LOWEST_COST : null },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name, uid, controller: true }],
    },
    signal,
  );
}

/** Lets the ReplicaSet of a pod delete it again. */
export const release = (api: KubernetesApi, pod: PodName, signal: AbortSignal): Promise<void> =>
  patchPod(api, pod, { labels: { [LABELS.handOver]: null }, annotations: { [DELETION_COST]: null } }, signal);

/** Makes a ready pod the one that its ReplicaSet deletes first. */
export const deleteFirst = (api: KubernetesApi, pod: PodName, signal: AbortSignal): Promise<void> =>
  patchPod(api, pod, { annotations: { [DELETION_COST]: LOWEST_COST } }, signal);

type PodName = Pick<PodFacts, "namespace" | "pod">;

async function patchPod(api: KubernetesApi, { namespace, pod }: PodName, metadata: object, signal: AbortSignal) {
  await api.call("PATCH", pathOf("Pod", namespace, pod), {
    body: { metadata },
    contentType: "application/merge-patch+json",
    signal,
  });
}
