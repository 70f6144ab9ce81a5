import type { EndpointSpec } from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";

/** Longest time to wait for replicas. */
const READY_MS = 15_000;

/** Starts as many replicas as the previous server had, and resolves when each endpoint has a ready one, failed to start it, or a limited time has passed. */
export async function startReplicas(
  registry: EndpointRegistry<EndpointSpec>,
  replicas: readonly (readonly [key: string, replicas: number])[],
): Promise<void> {
  const signal = AbortSignal.timeout(READY_MS);
  await Promise.all(
    replicas.map(async ([key, count]) => {
      const endpoint = registry.get(key);
      if (endpoint === undefined) return;
      registry.wake(endpoint);
      if (endpoint.desired < count) registry.scale(endpoint, count);
      while (!endpoint.removed && endpoint.replicas.length === 0 && endpoint.failure() === undefined)
        await registry.changed(endpoint.spec, signal);
    }),
  ).catch(() => {});
}
