import type { EndpointRef } from "@faas/core";
import { ClusterError } from "../client/cluster-error.ts";
import { pathOf } from "../client/objects.ts";
import type { ClusterRequests } from "../client/requests.ts";
import { GATEWAY_NAME, namespaceOf } from "../reconcile/manifests/labels.ts";

/** Attempts to write, each after another writer was first. */
const MAX_CONFLICTS = 5;

/** The part of `autoscaling/v1` Scale that a gateway uses. */
interface Scale {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec?: { readonly replicas?: number };
}

/**
 * Starts replicas of an endpoint that has none, without the control server, which keeps them when it is back. An endpoint with replicas is left alone,
 * so several gateways may do this at the same time.
 *
 * @throws CLUSTER_*
 */
export async function wakeDirectly(
  api: ClusterRequests,
  { org, endpoint }: EndpointRef,
  replicas: number,
  signal?: AbortSignal,
): Promise<void> {
  const path = `${pathOf("Deployment", namespaceOf(org), endpoint)}/scale`;
  for (let conflicts = 0; ; conflicts++) {
    const { metadata, spec } = await api.call<Scale>("GET", path, { signal });
    if ((spec?.replicas ?? 0) > 0) return;
    const { resourceVersion } = metadata;
    try {
      await api.call<Scale>("PATCH", path, {
        body: {
          apiVersion: "autoscaling/v1",
          kind: "Scale",
          // The version makes the API server reject the change if there was another one since.
          metadata: { name: endpoint, resourceVersion },
          spec: { replicas },
        },
        // Applied: of a Deployment that was scaled to zero, the API server records no manager for an updated number of replicas.
        contentType: "application/apply-patch+yaml",
        query: { fieldManager: GATEWAY_NAME, force: "true" },
        signal,
      });
      return;
    } catch (error) {
      const isConflict = error instanceof ClusterError && error.reason === "Conflict";
      if (!isConflict || conflicts === MAX_CONFLICTS) throw error;
    }
  }
}
