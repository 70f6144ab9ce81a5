/** Number of different hashes. */
const HASHES = 2 ** 32;

/** Returns a hash of a text (FNV-1a, 32 bits, with mixed bits). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mixed(hash);
}

/**
 * Chooses by weighted rendezvous hashing: every choice draws a number from the key, and the largest wins. A key keeps its choice when weights change, unless its
 * choice lost weight or another one gained it.
 *
 * @param key hash of what identifies the caller
 * @param seeds hashes of the choices
 * @returns the index of a choice with a positive weight
 */
export function chooseByKey(key: number, seeds: readonly number[], weights: readonly number[]): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index < seeds.length; index++) {
    const drawn = (mixed(key ^ (seeds[index] as number)) + 0.5) / HASHES;
    // Exponentially distributed with the weight as its rate: the chance to be the least is in proportion to the weight.
    const distance = -Math.log(drawn) / (weights[index] as number);
    if (distance >= least) continue;
    least = distance;
    best = index;
  }
  return best;
}

/** Mixes 32 bits so that each depends on all (the finalizer of MurmurHash3). */
function mixed(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
