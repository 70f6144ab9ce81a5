import type { EndpointSpec } from "@faas/core";
import type { V1PodDisruptionBudget } from "@kubernetes/client-node";
import { endpointLabels, LABELS, type ManifestOptions, namespaceOf } from "./labels.ts";

/** Returns true if an endpoint has a budget: one that always has other replicas while one is evicted. With a single one, a budget would block the drain of its node. */
export const needsBudget = ({ replicas }: Pick<EndpointSpec, "replicas">): boolean => replicas >= 2;

/** Builds the budget of an endpoint: evictions, such as those of a drained node, end one replica at a time. Replicas that are not ready may always be evicted. */
export function budgetManifest(spec: EndpointSpec, options: ManifestOptions): V1PodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: spec.endpoint, namespace: namespaceOf(spec.org), labels: endpointLabels(spec, options) },
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: { [LABELS.endpoint]: spec.endpoint } },
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  };
}
