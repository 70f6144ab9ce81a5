/** A simple command of a shell command line. */
export interface SimpleCommand {
  /** Variables that are set for it, `NAME=value`. */
  readonly variables: Readonly<Record<string, string>>;
  readonly words: readonly string[];
}

/** Characters that the shell gives a meaning that is not read here. */
const SHELL_SYNTAX = /[|;<>()`*?[\]{}~!#&\\]/;

/**
 * Splits a command line at `&&` into simple commands; undefined if it has other shell syntax. `$PORT` and similar stay in the words as they are.
 */
export function parseCommandLine(text: string): readonly SimpleCommand[] | undefined {
  const commands: SimpleCommand[] = [];
  for (const part of text.split(/\s*&&\s*/)) {
    const words = splitWords(part);
    if (words === undefined || words.length === 0) return undefined;
    commands.push(withVariables(words));
  }
  return commands;
}

function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const [word] = /^(?:"(?:[^"\\`]|\\.)*"|'[^']*'|\$\{[^}]*\}|[^\s"'])+/.exec(rest) ?? [];
    if (word === undefined) return undefined;
    const plain = word.replace(/\$\{[^}]*\}|"[^"]*"|'[^']*'/g, "");
    if (SHELL_SYNTAX.test(plain)) return undefined;
    words.push(
      word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ""),
    );
    rest = rest.slice(word.length).trimStart();
  }
  return words;
}

function withVariables(words: readonly string[]): SimpleCommand {
  const variables: Record<string, string> = {};
  let start = /^(?:cross-env|env|exec)$/.test(words[0] ?? "") ? 1 : 0;
  for (; start < words.length; start++) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(words[start] ?? "") ?? [];
    if (name === undefined) break;
    variables[name] = value ?? "";
  }
  if (words[start] === "exec") start++;
  return { variables, words: words.slice(start) };
}

/** Options of a command, and the words that are not options. */
export interface ParsedOptions {
  readonly options: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/**
 * Reads options by a table of those that are known: true with a value, false without one. Undefined if the command has another one.
 *
 * @param stopsAtOperand - true if everything after the first operand belongs to that
 */
export function parseOptions(
  words: readonly string[],
  known: Readonly<Record<string, boolean>>,
  stopsAtOperand = false,
): ParsedOptions | undefined {
  const options = new Map<string, string>();
  const operands: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (!word.startsWith("-")) {
      operands.push(word);
      if (stopsAtOperand) return { options, operands: [...operands, ...words.slice(i + 1)] };
      continue;
    }
    const [, name = word, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    const short = name.startsWith("--") ? undefined : name.slice(0, 2);
    if (Object.hasOwn(known, name)) options.set(name, value ?? (known[name] ? (words[++i] ?? "") : ""));
    // The value of a short option may follow directly: -b0.0.0.0:8000.
    else if (short !== undefined && known[short] === true) options.set(short, name.slice(2));
    else return undefined;
  }
  return { options, operands };
}
