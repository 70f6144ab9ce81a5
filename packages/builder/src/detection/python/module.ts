import { type Line, pythonLines, type Token } from "./tokens.ts";

/** A function at the top of a module. */
export interface PythonFunction {
  readonly isAsync: boolean;
  /** Parameters without a default, and without `*`, in order. */
  readonly parameters: readonly string[];
  /** Dotted names of its decorators, resolved by the imports. */
  readonly decorators: readonly string[];
  readonly body: readonly Line[];
}

/** A class at the top of a module. */
export interface PythonClass {
  readonly bases: readonly string[];
  readonly methods: ReadonlyMap<string, PythonFunction>;
}

/** A value that a name at the top of a module is set to. */
export interface Assignment {
  /** Dotted name of what is called, or of the value itself, resolved by the imports and earlier assignments. */
  readonly source: string;
  readonly isCall: boolean;
  /** Tokens of the whole value. */
  readonly tokens: readonly Token[];
}

/** Names at the top of a Python module, as its source says without running it. Blocks of `if`, `try` and `with` count as the top. */
export interface PythonModule {
  /** Dotted names by the name that they are imported as. */
  readonly imports: ReadonlyMap<string, string>;
  readonly assignments: ReadonlyMap<string, Assignment>;
  readonly functions: ReadonlyMap<string, PythonFunction>;
  readonly classes: ReadonlyMap<string, PythonClass>;
  /** Lines of `if __name__ == "__main__":`. */
  readonly mainBlock: readonly Line[];
  readonly lines: readonly Line[];
}

/** Reads the source of a Python module. */
export function readPythonModule(source: string): PythonModule {
  return new Reader(pythonLines(source));
}

class Reader implements PythonModule {
  readonly imports = new Map<string, string>();
  readonly assignments = new Map<string, Assignment>();
  readonly functions = new Map<string, PythonFunction>();
  readonly classes = new Map<string, PythonClass>();
  readonly mainBlock: Line[] = [];
  readonly lines: readonly Line[];
  #decorators: string[] = [];

  constructor(lines: readonly Line[]) {
    this.lines = lines;
    for (let i = 0; i < lines.length; ) i = this.#read(i);
  }

  /** Reads a statement at the top and returns the index of the next one. */
  #read(index: number): number {
    const { tokens } = this.lines[index] as Line;
    const end = this.#endOfBlock(index);
    const words = tokens.map(({ text }) => text);
    const isAsync = words[0] === "async";
    const keyword = isAsync ? words[1] : words[0];
    if (words[0] === "@") {
      this.#decorators.push(this.#resolve(dottedName(tokens.slice(1))));
      return index + 1;
    }
    if (keyword === "def") {
      const name = words[isAsync ? 2 : 1] ?? "";
      this.functions.set(name, readFunction(this.lines, index, end, this.#decorators));
      this.#decorators = [];
      return end;
    }
    if (keyword === "class") {
      this.#addClass(index, end);
      this.#decorators = [];
      return end;
    }
    if (isMainGuard(words)) {
      this.mainBlock.push(...this.lines.slice(index + 1, end));
      return end;
    }
    if (keyword === "import") this.#addImports(tokens.slice(1), "");
    else if (keyword === "from") this.#addFrom(tokens.slice(1));
    else this.#addAssignment(tokens);
    return index + 1;
  }

  /** Returns the index after a line and the lines that are indented below it. */
  #endOfBlock(index: number): number {
    const { indent } = this.lines[index] as Line;
    const end = this.lines.findIndex((line, i) => i > index && line.indent <= indent);
    return end < 0 ? this.lines.length : end;
  }

  #addFrom(tokens: readonly Token[]): void {
    const start = tokens.findIndex(({ kind, text }) => kind === "name" && text === "import");
    if (start < 0) return;
    const module = tokens
      .slice(0, start)
      .map(({ text }) => (text === "..." ? "..." : text))
      .join("");
    this.#addImports(
      tokens.slice(start + 1).filter(({ text }) => text !== "(" && text !== ")"),
      module.endsWith(".") ? module : `${module}.`,
    );
  }

  #addImports(tokens: readonly Token[], prefix: string): void {
    for (const part of splitAt(tokens, ",")) {
      const as = part.findIndex(({ text }) => text === "as");
      const name = (as < 0 ? part : part.slice(0, as)).map(({ text }) => text).join("");
      const alias = as < 0 ? undefined : part[as + 1]?.text;
      if (name === "") continue;
      // `import a.b` binds `a`.
      const bound = alias ?? (prefix === "" ? (name.split(".")[0] ?? name) : name);
      this.imports.set(bound, prefix === "" && alias === undefined ? bound : prefix + name);
    }
  }

  #addAssignment(tokens: readonly Token[]): void {
    const equals = tokens.findIndex(({ text, kind }) => kind === "operator" && text === "=");
    const [target, next] = tokens;
    if (equals < 1 || target?.kind !== "name" || (next?.text !== "=" && next?.text !== ":")) return;
    const rest = tokens.slice(equals + 1);
    // `app = application = Flask(…)`
    if (rest[1]?.text === "=" && rest[1].kind === "operator") this.#addAssignment(rest);
    const chained = rest.findLastIndex(({ text, kind }, i) => kind === "operator" && text === "=" && i === 1);
    const value = rest.slice(chained + 1);
    const start = value[0]?.text === "await" ? 1 : 0;
    const name = dottedName(value.slice(start));
    const after = value[start + (name === "" ? 0 : name.split(".").length * 2 - 1)];
    this.assignments.set(target.text, { source: this.#resolve(name), isCall: after?.text === "(", tokens: value });
  }

  #addClass(index: number, end: number): void {
    const { tokens, indent } = this.lines[index] as Line;
    const methods = new Map<string, PythonFunction>();
    const inner = this.lines[index + 1]?.indent ?? 0;
    for (let i = index + 1; i < end && inner > indent; i++) {
      const line = this.lines[i] as Line;
      const names = line.tokens.map(({ text }) => text);
      const at = names[0] === "async" ? 1 : 0;
      if (line.indent === inner && names[at] === "def")
        methods.set(names[at + 1] ?? "", readFunction(this.lines, i, this.#endOfBlock(i), []));
    }
    const bases = splitAt(tokens.slice(3, -2), ",").map((each) => this.#resolve(dottedName(each)));
    this.classes.set(tokens[1]?.text ?? "", { bases, methods });
  }

  #resolve(name: string): string {
    return resolveName(name, this);
  }
}

/** Replaces the first part of a dotted name by what is imported under it, or by the call that it was assigned from. */
function resolveName(name: string, { imports }: Pick<PythonModule, "imports">): string {
  const [first = "", ...rest] = name.split(".");
  return [imports.get(first) ?? first, ...rest].join(".");
}

function readFunction(
  lines: readonly Line[],
  index: number,
  end: number,
  decorators: readonly string[],
): PythonFunction {
  const { tokens } = lines[index] as Line;
  const isAsync = tokens[0]?.text === "async";
  const open = tokens.findIndex(({ text }) => text === "(");
  const close = closing(tokens, open);
  const parameters: string[] = [];
  for (const part of splitAt(tokens.slice(open + 1, close), ",")) {
    if (part[0]?.text === "*" || part[0]?.text === "**") break;
    const hasDefault = part.some(({ text, kind }) => kind === "operator" && text === "=");
    if (part[0]?.kind === "name" && !hasDefault) parameters.push(part[0].text);
  }
  const after = tokens.slice(close + 1);
  const colon = after.findIndex(({ text }) => text === ":");
  const inline = after.slice(colon + 1);
  const body = [...(inline.length > 0 ? [{ indent: 1, tokens: inline }] : []), ...lines.slice(index + 1, end)];
  return { isAsync, parameters, decorators: [...decorators], body };
}

/** Returns the index of the bracket that closes the one at an index. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    const { kind, text } = tokens[i] as Token;
    if (kind !== "operator") continue;
    if ("([{".includes(text)) depth++;
    if (")]}".includes(text) && --depth === 0) return i;
  }
  return tokens.length;
}

/** Splits tokens at a separator that is not within brackets. */
export function splitAt(tokens: readonly Token[], separator: string): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === "operator" && "([{".includes(token.text)) depth++;
    if (token.kind === "operator" && ")]}".includes(token.text)) depth--;
    if (depth === 0 && token.kind === "operator" && token.text === separator) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

/** Returns the dotted name that tokens begin with; empty if they begin with something else. */
function dottedName(tokens: readonly Token[]): string {
  const parts: string[] = [];
  for (let i = 0; tokens[i]?.kind === "name"; i += 2) {
    parts.push((tokens[i] as Token).text);
    if (tokens[i + 1]?.text !== ".") break;
  }
  return parts.join(".");
}

const isMainGuard = (words: readonly string[]): boolean =>
  words[0] === "if" && words.includes("__name__") && words.includes("__main__") && words.includes("==");

/** Lists the dotted names that lines call, resolved by the imports. */
export function callsIn(lines: readonly Line[], module: PythonModule): string[] {
  const calls: string[] = [];
  for (const { tokens } of lines)
    for (let i = 0; i < tokens.length; i++) {
      const isMember = tokens[i - 1]?.text === ".";
      // `Server(…).serve_forever()` calls a method of what a call returns.
      if (tokens[i]?.kind !== "name" || (isMember && tokens[i - 2]?.text !== ")")) continue;
      const name = dottedName(tokens.slice(i));
      const length = name.split(".").length * 2 - 1;
      if (tokens[i + length]?.text === "(") calls.push(isMember ? `.${name}` : resolveName(name, module));
      i += length - 1;
    }
  return calls;
}
