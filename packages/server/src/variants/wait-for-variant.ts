import { type EndpointRef, endpointKey, variantRef } from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";

/** Resolves when a variant that is starting is ready or has failed; at once for any other revision. Rejects with the signal's reason. */
export async function waitForVariant(
  ref: EndpointRef,
  revision: string,
  registry: Pick<EndpointRegistry, "get" | "changed">,
  signal: AbortSignal,
): Promise<void> {
  const variant = variantRef(ref, revision);
  for (;;) {
    const served = registry.get(endpointKey(variant));
    if (served === undefined || served.desired === 0 || served.replicas.length > 0 || served.failure()) return;
    await registry.changed(variant, signal);
  }
}
