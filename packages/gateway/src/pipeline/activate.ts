import { FaasError } from "@faas/core";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { chooseAgain } from "./choose-variant.ts";
import type { Stage } from "./exchange.ts";

/**
 * Starts replicas when none are desired, once however many requests arrive, and lets the request wait while no replica is ready. It does not wait for a
 * platform that has not been reached yet: that may take long.
 * @throws ENDPOINT_NOT_FOUND, START_TIMEOUT, or the reason why no replica can start
 */
export function activate(endpoints: EndpointRegistry, waitMs: number, notReady: () => FaasError | undefined): Stage {
  return (exchange) => {
    if (exchange.endpoint.removed && !chooseAgain(exchange, endpoints)) throw endpointRemoved(exchange.endpoint);
    const { endpoint } = exchange;
    const ready = endpoint.replicas.length > 0;
    if (!ready) {
      const reason = notReady();
      if (reason) throw reason;
      exchange.cold = true;
      // Queue the request before waking the endpoint: a cold endpoint must show load.
      exchange.wait(waitMs);
    }
    // Replicas that are ready though none are desired are about to be stopped.
    if (endpoint.desired === 0) endpoints.wake(endpoint);
    if (ready) exchange.proceed();
    // It may already be known that no replica can start.
    else endpoint.assignSlots();
  };
}

const endpointRemoved = ({ title }: ServedEndpoint) =>
  new FaasError("ENDPOINT_NOT_FOUND", `The endpoint ${title} was removed`);
