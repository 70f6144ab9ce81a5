import { ALWAYS, andMarker, type Condition, either, isSame } from "./condition.ts";
import { normalizeName } from "./requirement.ts";

/** Dependency of a package in a lock file. */
export interface Dependency {
  readonly name: string;
  readonly extras: readonly string[];
  readonly marker?: string | undefined;
  /** Chooses among several versions that the lock file has; absent if all of them count. */
  readonly accepts?: ((version: string, source: unknown) => boolean) | undefined;
}

/** Package of a lock file that lists the dependencies of each package. */
export interface GraphPackage {
  readonly name: string;
  readonly version: string;
  readonly source: unknown;
  readonly dependencies: readonly Dependency[];
  /** More dependencies, by extra. */
  readonly extras: ReadonlyMap<string, readonly Dependency[]>;
}

/**
 * Finds the packages that dependencies lead to, with the condition for each: the markers on one of the paths to it.
 *
 * @param roots - dependencies of the project
 */
export function findReachable<P extends GraphPackage>(
  packages: readonly P[],
  roots: readonly Dependency[],
): Map<P, Condition> {
  const byName = Map.groupBy(packages, ({ name }) => normalizeName(name));
  const found = new Map<P, Condition>();
  /** Conditions per package and extra. */
  const visited = new Map<P, Map<string, Condition>>();
  const queue: [dependency: Dependency, condition: Condition][] = roots.map((each) => [each, ALWAYS]);
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [{ name, extras, marker, accepts }, outer] = next;
    const condition = andMarker(outer, marker);
    const named = byName.get(normalizeName(name)) ?? [];
    const accepted = named.filter(({ version, source }) => accepts?.(version, source) ?? true);
    for (const target of accepted.length > 0 ? accepted : named) {
      found.set(target, either(found.get(target) ?? [], condition));
      const conditions = visited.get(target) ?? new Map<string, Condition>();
      visited.set(target, conditions);
      for (const extra of ["", ...extras.map(normalizeName)]) {
        const before = conditions.get(extra) ?? [];
        const after = either(before, condition);
        if (isSame(before, after)) continue;
        conditions.set(extra, after);
        const dependencies = extra === "" ? target.dependencies : (target.extras.get(extra) ?? []);
        queue.push(...dependencies.map((each): [Dependency, Condition] => [each, after]));
      }
    }
  }
  return found;
}
