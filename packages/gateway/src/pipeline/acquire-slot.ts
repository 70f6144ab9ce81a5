import type { ServedEndpoint, ServedReplica } from "../endpoints/registry.ts";
import type { Stage } from "./exchange.ts";

let turn = 0;

/** Takes a place on a replica, or lets the request wait for one: first come, first served. NO_CAPACITY. */
export function acquireSlot(waitMs: number): Stage {
  return (exchange) => {
    // One that waited for a replica to start has a place already.
    if (exchange.replica === undefined) exchange.replica = (exchange.endpoint as ServedEndpoint).take();
    if (exchange.replica === undefined) exchange.wait(waitMs);
    else exchange.proceed();
  };
}

/** A slow replica ranks as one with so many more requests in flight: it is taken when no other has a place. */
const SLOW = 1_000_000;

/**
 * The replica with the fewest requests in flight that has a place free (`concurrency` places each); equal ones take
 * turns. `undefined` when all are full, or suspended after a failure (suspension.ts). Slow ones (outliers.ts) come last.
 */
export function pickReplica(replicas: readonly ServedReplica[], concurrency: number): ServedReplica | undefined {
  const count = replicas.length;
  if (count === 0) return undefined;
  let best: ServedReplica | undefined;
  let least = Number.POSITIVE_INFINITY;
  let index = turn++ % count;
  for (let seen = 0; seen < count; seen++) {
    const replica = replicas[index] as ServedReplica;
    if (replica.inFlight < concurrency && !replica.suspended) {
      const rank = replica.slow ? replica.inFlight + SLOW : replica.inFlight;
      if (rank < least) {
        best = replica;
        least = rank;
      }
    }
    if (++index === count) index = 0;
  }
  return best;
}
