/** Condition of a package: alternatives, each a set of markers that must all hold. */
export type Condition = readonly ReadonlySet<string>[];

export const ALWAYS: Condition = [new Set()];

/** Returns the condition that also needs a marker. */
export const andMarker = (condition: Condition, marker: string | undefined): Condition =>
  marker === undefined || marker === "" ? condition : condition.map((each) => new Set(each).add(marker));

/** Returns the condition that holds when one of two does, without alternatives that others include. */
export function either(a: Condition, b: Condition): Condition {
  const all = [...a, ...b];
  return all.filter(
    (each, index) =>
      !all.some((other, at) => at !== index && isSubset(other, each) && (other.size < each.size || at < index)),
  );
}

/** Returns true if two conditions have the same alternatives. */
export const isSame = (a: Condition, b: Condition): boolean =>
  a.length === b.length && a.every((each) => b.some((other) => other.size === each.size && isSubset(each, other)));

/** Formats a condition as a marker; undefined for one that always holds. */
export function markerOf(condition: Condition): string | undefined {
  if (condition.some((each) => each.size === 0)) return undefined;
  const inParentheses = (text: string) => (/\sor\s/.test(text) ? `(${text})` : text);
  return condition
    .map((each) => Array.from(each, each.size > 1 ? inParentheses : (text) => text).join(" and "))
    .map((each, _, all) => (all.length > 1 && / and /.test(each) ? `(${each})` : each))
    .join(" or ");
}

const isSubset = (a: ReadonlySet<string>, b: ReadonlySet<string>) => [...a].every((each) => b.has(each));
