import type { Samples } from "./samples.ts";
import type { Variable } from "./variables.ts";

/** Two samples that differ in the value, and not in the variables that were considered. */
class Conflict {
  readonly variables: readonly number[];

  constructor(variables: readonly number[]) {
    this.variables = variables;
  }
}

/** Finds on which variables a value depends, and writes conditions in Helm's language. */
export class Conditions {
  readonly #variables: readonly Variable[];
  readonly #samples: Samples;

  constructor(variables: readonly Variable[], samples: Samples) {
    this.#variables = variables;
    this.#samples = samples;
  }

  /**
   * Returns the condition under which a value is the wanted one, `true` and `false` included.
   *
   * @param values the value at each sample; `undefined` where there is nothing to decide
   */
  conditionFor<T>(values: readonly (T | undefined)[], wanted: T): string {
    if (values.every((value) => value === undefined || value === wanted)) return "true";
    const dependents = this.#dependents(values);
    let table = this.#table(dependents, values, wanted);
    while (table instanceof Conflict) {
      dependents.push(...table.variables);
      table = this.#table(dependents, values, wanted);
    }
    return this.#expression(dependents, [], table);
  }

  /** Returns for each combination of states whether the value is the wanted one, or two samples that need more variables to tell. */
  #table<T>(dependents: readonly number[], values: readonly (T | undefined)[], wanted: T) {
    const table = new Map<string, boolean>();
    const first = new Map<string, number>();
    for (const [sample, value] of values.entries()) {
      if (value === undefined) continue;
      const key = dependents.map((variable) => this.#samples.assignments[sample]?.[variable]).join();
      const earlier = first.get(key);
      if (earlier !== undefined && table.get(key) !== (value === wanted))
        return new Conflict(this.#differences(earlier, sample));
      if (earlier === undefined) first.set(key, sample);
      table.set(key, value === wanted);
    }
    return table;
  }

  /** Returns the variables in which two samples differ. */
  #differences(one: number, other: number): readonly number[] {
    const [a = [], b = []] = [this.#samples.assignments[one], this.#samples.assignments[other]];
    return a.flatMap((state, variable) => (state === b[variable] ? [] : [variable]));
  }

  #dependents(values: readonly unknown[]): number[] {
    const found = new Set<number>();
    for (const { variable, one, other } of this.#samples.neighbors)
      if (values[one] !== undefined && values[other] !== undefined && values[one] !== values[other])
        found.add(variable);
    return [...found].sort((a, b) => a - b);
  }

  /** Returns the condition for one of several states of a variable, by the others if these are fewer. */
  #stateCondition(variable: number, states: readonly number[]): string {
    const own = this.#variables[variable]?.states ?? [];
    const others = own.filter((_, state) => !states.includes(state)).map(({ when }) => when);
    const named = states.map((state) => own[state]?.when ?? "false");
    return others.length < named.length ? `(not ${anyOf(others)})` : anyOf(named);
  }

  /** Returns an expression for the rest of a table, after states of its first variables. A combination that no sample has does not matter. */
  #expression(dependents: readonly number[], states: readonly number[], table: ReadonlyMap<string, boolean>): string {
    const variable = dependents[states.length];
    if (variable === undefined) return String(table.get(states.join()) ?? "any");
    const own = this.#variables[variable]?.states ?? [];
    const groups = new Map<string, number[]>();
    own.forEach((_, state) => {
      const rest = this.#expression(dependents, [...states, state], table);
      if (rest !== "any") groups.set(rest, [...(groups.get(rest) ?? []), state]);
    });
    if (groups.size === 0) return "any";
    if (groups.size === 1) return [...groups.keys()][0] as string;
    const terms = [...groups].flatMap(([rest, group]) => {
      const condition = this.#stateCondition(variable, group);
      return rest === "false" ? [] : [rest === "true" ? condition : `(and ${condition} ${rest})`];
    });
    return anyOf(terms);
  }
}

const anyOf = (terms: readonly string[]) => (terms.length === 1 ? (terms[0] as string) : `(or ${terms.join(" ")})`);
