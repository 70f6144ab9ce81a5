/** Generator of numbers from 0 (included) to 1 (excluded). */
export type Random = () => number;

/** Creates a generator that yields the same numbers for the same seed: a linear congruential one modulo 2^32 with a mixed output. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x45d9f3b);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** Draws the time until the next event of a Poisson process with this mean time. */
export const exponential = (random: Random, mean: number): number => -Math.log(1 - random()) * mean;

/** Draws from the standard normal distribution, by the Box-Muller transform. */
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
