import { type EndpointRef, FaasError } from "@faas/core";
import type { V1Deployment } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import { LABELS, namespaceOf } from "./manifests/labels.ts";

/**
 * Rejects if the endpoint's name is used by a Deployment that this server did not create, which must be left alone.
 *
 * @throws CLUSTER_REFUSED
 */
export async function assertNotForeign(
  api: Pick<KubernetesApi, "get">,
  { org, endpoint }: EndpointRef,
  instance: string,
): Promise<void> {
  const found = await api.get<V1Deployment>("Deployment", namespaceOf(org), endpoint);
  if (!found || found.metadata?.labels?.[LABELS.instance] === instance) return;
  throw new FaasError(
    "CLUSTER_REFUSED",
    `The namespace ${namespaceOf(org)} has a Deployment "${endpoint}" that this faas server did not create; it was left alone. Choose another endpoint name, or remove the Deployment`,
  );
}
