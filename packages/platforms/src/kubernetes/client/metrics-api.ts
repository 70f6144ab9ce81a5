import { FaasError } from "@faas/core";
import type { KubernetesApi } from "./api-client.ts";
import { ClusterError } from "./cluster-error.ts";

/**
 * Checks that an autoscaler gets metrics.
 *
 * @throws METRICS_MISSING
 * @throws CLUSTER_*
 */
export async function requireMetrics(api: KubernetesApi, signal: AbortSignal | undefined): Promise<void> {
  await api.call("GET", "/apis/metrics.k8s.io/v1beta1", { signal }).catch((error) => {
    if (!(error instanceof ClusterError) || (error.httpStatus !== 404 && error.httpStatus !== 503)) throw error;
    throw new FaasError(
      "METRICS_MISSING",
      'The scaler "cpu" needs a metrics server, and none answers in this cluster: install metrics-server, or deploy with --scaler concurrency',
      { cause: error },
    );
  });
}
