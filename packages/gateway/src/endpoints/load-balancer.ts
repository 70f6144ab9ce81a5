import type { ServedReplica } from "./served-replica.ts";

/** Rank added to a slow replica: it is used when no other replica has a free slot. */
const SLOW_RANK = 1_000_000;

/**
 * Picks the replica with the fewest requests in flight that has a free slot. Equally loaded replicas are used in rotation, slow
 * ones (outlier-detection.ts) last. Returns `undefined` when all replicas are full or ejected (ejection.ts).
 * @param rotation grows with each search, so that equally loaded replicas are used in rotation
 * @param maxInFlight replicas with as many requests in flight are full, whatever slots they have
 */
export function pickReplica(
  replicas: readonly ServedReplica[],
  rotation: number,
  maxInFlight: number = Number.POSITIVE_INFINITY,
): ServedReplica | undefined {
  const count = replicas.length;
  if (count === 0) return undefined;
  let best: ServedReplica | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  let index = rotation % count;
  for (let seen = 0; seen < count; seen++) {
    const replica = replicas[index] as ServedReplica;
    if (replica.inFlight < replica.slots && replica.inFlight < maxInFlight && !replica.ejected) {
      const rank = replica.slow ? replica.inFlight + SLOW_RANK : replica.inFlight;
      if (rank < bestRank) {
        best = replica;
        bestRank = rank;
      }
    }
    if (++index === count) index = 0;
  }
  return best;
}
