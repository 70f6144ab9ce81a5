/** Largest number of turns that a rotation has had before its first one. */
const MAX_OFFSET = 1_000;

/**
 * Choice by weight that is the same for every sequence of calls: smooth weighted round robin. However many turns there were, each choice has had its share of
 * them, give or take about one. Rotations of several gateways begin at random places: otherwise each would begin with the heaviest choice, and a rare one would
 * not get its share of the calls of gateways with few calls.
 */
export class WeightedRotation {
  readonly #weights: readonly number[];
  readonly #total: number;
  /** Turns that each choice is owed, times the total. */
  readonly #owed: number[];

  /**
   * @param weights at least one is positive
   * @param random returns a number from 0 to below 1
   */
  constructor(weights: readonly number[], random: () => number = Math.random) {
    this.#weights = weights;
    this.#total = weights.reduce((sum, weight) => sum + weight, 0);
    this.#owed = weights.map(() => 0);
    for (let turns = Math.floor(random() * MAX_OFFSET); turns > 0; turns--) this.next();
  }

  /** Returns the index of the next choice. */
  next(): number {
    const owed = this.#owed;
    let best = 0;
    for (let index = 0; index < owed.length; index++) {
      const sum = (owed[index] as number) + (this.#weights[index] as number);
      owed[index] = sum;
      if (sum > (owed[best] as number)) best = index;
    }
    owed[best] = (owed[best] as number) - this.#total;
    return best;
  }
}
