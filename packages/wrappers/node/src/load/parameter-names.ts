/** Returns the parameter names in the source of a function; anything else than names is returned as it is. */
export function parameterNames(source: string): string[] {
  const open = source.indexOf("(");
  const list = source.slice(open + 1, source.indexOf(")", open));
  return open < 0 || list === "" ? [] : list.split(",").map((name) => name.trim());
}
