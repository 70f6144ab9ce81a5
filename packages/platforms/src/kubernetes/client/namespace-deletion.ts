import { setTimeout as delay } from "node:timers/promises";
import type { V1Namespace } from "@kubernetes/client-node";
import type { KubernetesApi } from "./api-client.ts";
import { pathOf } from "./objects.ts";

/** The namespace controller looks at a changed namespace after five seconds. */
const STEP_MS = 5_000;
/** Annotation with the time of the last request to look. */
const ANNOTATION = "faas/deletion-checked";

/**
 * Makes a terminating namespace end soon after its last pod; resolves when it is gone, and never rejects. When the namespace controller finds pods, it
 * looks again after half of their longest `terminationGracePeriodSeconds`, however early they end (pkg/controller/namespace in Kubernetes 1.36); it looks
 * earlier if the namespace changes.
 */
export async function hastenDeletion(api: KubernetesApi, name: string, signal: AbortSignal): Promise<void> {
  const path = pathOf("Namespace", undefined, name);
  while (!signal.aborted) {
    try {
      await delay(STEP_MS, undefined, { signal, ref: false });
      const { metadata } = (await api.get<V1Namespace>("Namespace", undefined, name, signal)) ?? {};
      if (metadata?.deletionTimestamp === undefined) return;
      // The uid is a precondition: a successor of the same name is left alone.
      const body = { metadata: { uid: metadata.uid, annotations: { [ANNOTATION]: new Date().toISOString() } } };
      await api.call("PATCH", path, { body, contentType: "application/merge-patch+json", signal });
    } catch {
      // The next round is another attempt.
    }
  }
}
