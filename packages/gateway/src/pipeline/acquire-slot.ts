import type { Stage } from "./exchange.ts";

/**
 * Acquires a slot on a replica, or lets the request wait for one: first come, first served.
 * @throws NO_CAPACITY
 */
export function acquireSlot(waitMs: number): Stage {
  return (exchange) => {
    // A request that waited for a replica to start already has a slot.
    if (exchange.replica === undefined) exchange.replica = exchange.endpoint.acquire(exchange.isBackground);
    if (exchange.replica === undefined) exchange.wait(waitMs);
    else exchange.proceed();
  };
}
