import type { LiveReplica } from "./endpoints-replica.ts";

let turn = 0;

/**
 * The replica with the fewest requests in flight that has a place free (`concurrency` places each); equal ones take
 * turns. `undefined` when all are full, or suspended after a refused connection.
 */
export function pickReplica(replicas: readonly LiveReplica[], concurrency: number): LiveReplica | undefined {
  const count = replicas.length;
  if (count === 0) return undefined;
  let best: LiveReplica | undefined;
  let least = concurrency;
  let index = turn++ % count;
  for (let seen = 0; seen < count; seen++) {
    const replica = replicas[index] as LiveReplica;
    if (replica.inFlight < least && !replica.suspended) {
      best = replica;
      least = replica.inFlight;
    }
    if (++index === count) index = 0;
  }
  return best;
}
