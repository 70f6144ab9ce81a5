import { FaasError } from "@faas/core";
import type { EndpointRegistry, ServedEndpoint } from "../endpoints/registry.ts";
import type { Stage } from "./exchange.ts";

/**
 * Has replicas started when none are wanted, once however many requests come, and lets the request wait while none is ready.
 * What it fails with then: the reason why none can start, START_TIMEOUT, ENDPOINT_NOT_FOUND. It does not wait for a platform that has not been
 * reached yet: that may take long.
 */
export function activate(endpoints: EndpointRegistry, waitMs: number, notReady: () => FaasError | undefined): Stage {
  return (exchange) => {
    const endpoint = exchange.endpoint as ServedEndpoint;
    if (endpoint.removed) throw new FaasError("ENDPOINT_NOT_FOUND", `The endpoint ${endpoint.key} was removed`);
    const ready = endpoint.replicas.length > 0;
    if (!ready) {
      const reason = notReady();
      if (reason) throw reason;
      exchange.cold = true;
      // Count before waking: a cold endpoint must show load.
      exchange.wait(waitMs);
    }
    // Replicas that are ready though none are wanted are about to be stopped.
    if (endpoint.desired === 0) endpoints.wake(endpoint);
    if (ready) exchange.proceed();
    // It may be known already that none can start.
    else endpoint.serve();
  };
}
