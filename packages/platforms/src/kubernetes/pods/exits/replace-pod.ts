import type { Logger } from "@faas/core";
import type { KubernetesApi } from "../../client/api-client.ts";
import type { PodFacts } from "../pod-facts.ts";

/**
 * Deletes the pod of a replica that exited, so that its ReplicaSet creates another one at once: the kubelet restarts a container after a backoff of 10 s
 * and more, and without the startup boost. The pod stays for as long as the node takes to report how the container ended.
 */
export async function replacePod(
  api: KubernetesApi,
  { namespace, pod, replica }: PodFacts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  log.info({ pod, replica }, "replica exited, replacing its pod");
  try {
    await api.delete("Pod", namespace, pod, signal);
  } catch (error) {
    // The kubelet restarts the container.
    if (!signal.aborted) log.warn({ err: error, pod }, "failed to replace the pod of a replica that exited");
  }
}
