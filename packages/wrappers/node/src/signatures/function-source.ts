/** Function of the user's code, of any signature. */
export type UserFunction = (...values: unknown[]) => unknown;

/** Returns the source text of a function without comments. */
export function sourceOf(target: UserFunction): string {
  return withoutComments(Function.prototype.toString.call(target));
}

/** Removes comments. What looks like one inside of a string is removed too. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<![:\\])\/\/.*$/gm, "");
}

/** Returns the names of a function's parameters; a pattern such as `{ body }` is returned as it is. */
export function parametersOf(source: string): string[] {
  const arrow = /^(?:async\s+)?([\w$]+)\s*=>/.exec(source);
  if (arrow) return [arrow[1] as string];
  const start = source.indexOf("(");
  const parameters: string[] = [];
  let depth = 0;
  let text = "";
  for (const char of source.slice(start)) {
    if (")]}".includes(char)) depth--;
    if (depth === 0 || (depth === 1 && char === ",")) {
      if (text.trim() !== "") parameters.push(text.replace(/=[\s\S]*$/, "").trim());
      text = "";
      if (depth === 0 && char === ")") break;
    } else text += char;
    if ("([{".includes(char)) depth++;
  }
  return parameters;
}

/** Tests whether a parameter is a function to call with the result, by its name. */
export function isCallback(name: string | undefined): boolean {
  return name !== undefined && /^_?(?:callback|cb|done)$/i.test(name);
}
