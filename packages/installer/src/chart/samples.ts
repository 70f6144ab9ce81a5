import type { Variable } from "./variables.ts";

/** Assignments of states to variables, at which manifests are compared. */

/** The state of each variable, by position. */
export type Assignment = readonly number[];

export interface Samples {
  readonly assignments: readonly Assignment[];
  /** Pairs of assignments that differ in one variable. */
  readonly neighbors: readonly { readonly variable: number; readonly one: number; readonly other: number }[];
}

/**
 * Lists every combination of the structural variables with all others in their first state and in their last, and with each of these changed. This shows
 * every dependency on up to three of the others, beside the structural ones.
 */
export function listSamples(structural: readonly Variable[], others: readonly Variable[]): Samples {
  const positions = new Map<string, number>();
  const assignments: Assignment[] = [];
  const neighbors: Samples["neighbors"][number][] = [];
  const add = (assignment: Assignment): number => {
    const key = assignment.join();
    const found = positions.get(key) ?? assignments.push(assignment) - 1;
    positions.set(key, found);
    return found;
  };
  const all = [...structural, ...others];
  const bases = combinations(structural.map(({ states }) => states.length)).flatMap((first) =>
    [others.map(() => 0), others.map(({ states }) => states.length - 1)].map((rest) => [...first, ...rest]),
  );
  for (const base of bases) {
    const one = add(base);
    all.forEach(({ states }, variable) => {
      states.forEach((_, state) => {
        if (state !== base[variable]) neighbors.push({ variable, one, other: add(base.with(variable, state)) });
      });
    });
  }
  return { assignments, neighbors };
}

/** Lists all combinations of numbers below the given ones. */
const combinations = (counts: readonly number[]): number[][] =>
  counts.reduce<number[][]>(
    (lists, count) => lists.flatMap((list) => Array.from({ length: count }, (_, state) => [...list, state])),
    [[]],
  );
