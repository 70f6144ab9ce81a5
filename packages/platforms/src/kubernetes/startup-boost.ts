import type { Logger } from "@faas/core";
import type { KubernetesApi } from "./client/api-client.ts";
import { ClusterError } from "./client/cluster-error.ts";
import { pathOf } from "./client/objects.ts";
import type { PodFacts } from "./pods/pod-facts.ts";
import { CONTAINER } from "./reconcile/manifests/labels.ts";

const MAX_ATTEMPTS = 3;

/** Reduces the CPU limit of a started pod to that of its endpoint, in place (Kubernetes, "Resize CPU and Memory Resources"). */
export async function removeStartupBoost(
  api: KubernetesApi,
  { namespace, pod, cpuMillis, endpointCpuMillis }: PodFacts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  if (cpuMillis === undefined || endpointCpuMillis === undefined || cpuMillis <= endpointCpuMillis) return;
  const resources = { limits: { cpu: `${endpointCpuMillis}m` } };
  for (let attempt = 1; ; attempt++) {
    try {
      await api.call("PATCH", `${pathOf("Pod", namespace, pod)}/resize`, {
        body: { spec: { containers: [{ name: CONTAINER, resources }] } },
        contentType: "application/strategic-merge-patch+json",
        signal,
      });
      return;
    } catch (error) {
      if (signal.aborted || (error instanceof ClusterError && error.httpStatus === 404)) return;
      if (attempt < MAX_ATTEMPTS) continue;
      log.warn({ err: error, pod }, "failed to reduce a started replica's CPU limit");
      return;
    }
  }
}
