/** For tests and simulations: numbers from 0 up to 1, the same for the same seed. */
export type Random = () => number;

/** A linear congruential generator modulo 2^32 whose state is mixed before it is given out. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x45d9f3b);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** The time until the next event of a Poisson process with this mean time. */
export const exponential = (random: Random, mean: number): number => -Math.log(1 - random()) * mean;

/** Standard normal, by Box and Muller. */
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
