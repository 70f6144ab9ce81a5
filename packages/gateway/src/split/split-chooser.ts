import { sameValue, type TrafficSplit } from "@faas/core";
import { chooseByKey, hashOf } from "./rendezvous.ts";
import { WeightedRotation } from "./weighted-rotation.ts";

/** Keys that are tried for a new caller until one has the revision whose turn it is. */
const MAX_KEYS = 4_000;

/** Chooses a revision for each call of an endpoint. */
export class SplitChooser {
  readonly split: TrafficSplit;
  readonly #revisions: readonly string[];
  readonly #weights: readonly number[];
  readonly #seeds: readonly number[];
  readonly #rotation: WeightedRotation;
  readonly #random: () => number;

  /** @param random returns a number from 0 to below 1 */
  constructor(split: TrafficSplit, random: () => number = Math.random) {
    const variants = split.variants.filter(({ weight }) => weight > 0);
    this.split = split;
    this.#revisions = variants.map(({ revision }) => revision);
    this.#weights = variants.map(({ weight }) => weight);
    this.#seeds = this.#revisions.map(hashOf);
    this.#rotation = new WeightedRotation(this.#weights, random);
    this.#random = random;
  }

  /** Returns the chooser of a split: the present one, which knows whose turn it is, unless the split changed. */
  static of(split: TrafficSplit | undefined, present: SplitChooser | undefined): SplitChooser | undefined {
    if (split === undefined) return undefined;
    return present !== undefined && sameValue(present.split, split) ? present : new SplitChooser(split);
  }

  /** Chooses by weight alone; undefined for a split without revisions. */
  next(): string | undefined {
    return this.#revisions[this.#rotation.next()];
  }

  /** Chooses for a caller: the same as for its last call, as long as the weights allow. */
  chooseFor(key: string): string | undefined {
    return this.#revisions[chooseByKey(hashOf(key), this.#seeds, this.#weights)];
  }

  /** Returns a key for a new caller. New callers are divided as exactly as calls without keys. */
  newKey(): string {
    const turn = this.#rotation.next();
    let key = "";
    for (let tries = 0; tries < MAX_KEYS; tries++) {
      key = Math.floor(this.#random() * 2 ** 48).toString(36);
      if (chooseByKey(hashOf(key), this.#seeds, this.#weights) === turn) break;
    }
    return key;
  }
}
