import type { V1Pod, V1ResourceRequirements } from "@kubernetes/client-node";
import { pathOf } from "../client/objects.ts";
import type { ClusterRequests } from "../client/requests.ts";
import { CONTAINER } from "../reconcile/manifests/labels.ts";
import type { PodFacts } from "./pod-facts.ts";

/**
 * Changes some resources of a replica's container in place (Kubernetes, "Resize CPU and Memory Resources"); returns the pod as it is then.
 *
 * @throws CLUSTER_*
 */
export const resizePod = (
  api: Pick<ClusterRequests, "call">,
  { namespace, pod }: Pick<PodFacts, "namespace" | "pod">,
  resources: V1ResourceRequirements,
  signal: AbortSignal,
): Promise<V1Pod> =>
  api.call("PATCH", `${pathOf("Pod", namespace, pod)}/resize`, {
    body: { spec: { containers: [{ name: CONTAINER, resources }] } },
    contentType: "application/strategic-merge-patch+json",
    signal,
  });
