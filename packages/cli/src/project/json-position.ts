/**
 * Positions in a JSON text, for messages. `JSON.parse` reports a mistake but often not its position ("Unexpected token 'x', ... is not valid JSON"), and
 * never the position of a valid field.
 */

interface Position {
  /** Counted from 1, as in editors. */
  readonly line: number;
  readonly column: number;
}

export type JsonText =
  | { readonly value: unknown; locate(path: readonly PropertyKey[]): Position | undefined }
  | { readonly problem: string; readonly position: Position };

/** Parses JSON (RFC 8259). Reports a mistake with its position and reason; `locate` returns the position of a field of a valid text. */
export function parseJson(text: string): JsonText {
  const scanner = new Scanner(text);
  const mistake = scanner.scan();
  if (mistake) return { problem: mistake.problem, position: positionOf(text, mistake.offset) };
  return {
    value: JSON.parse(text),
    locate: (path) => {
      const offset = scanner.offsets.get(JSON.stringify(path));
      return offset === undefined ? undefined : positionOf(text, offset);
    },
  };
}

function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) as string).length + 1 };
}

const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERAL = /true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

class Mistake {
  readonly problem: string;
  readonly offset: number;

  constructor(problem: string, offset: number) {
    this.problem = problem;
    this.offset = offset;
  }
}

class Scanner {
  readonly offsets = new Map<string, number>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Returns the first mistake, if there is one. */
  scan(): Mistake | undefined {
    try {
      this.#value([]);
      if (this.#at < this.#text.length) throw new Mistake(`unexpected ${this.#next()} after the end`, this.#at);
      return undefined;
    } catch (error) {
      if (error instanceof Mistake) return error;
      throw error;
    }
  }

  #value(path: readonly (string | number)[]): void {
    this.#take(SPACE);
    const char = this.#text[this.#at];
    if (char === "{") this.#object(path);
    else if (char === "[") this.#list(path);
    else if (!this.#take(STRING) && !this.#take(NUMBER) && !this.#take(LITERAL))
      throw new Mistake(`expected a value, got ${this.#next()}`, this.#at);
    this.#take(SPACE);
  }

  #object(path: readonly (string | number)[]): void {
    this.#members("}", () => {
      const offset = this.#at;
      const key = this.#take(STRING);
      if (key === undefined) throw new Mistake(`expected a field name in double quotes, got ${this.#next()}`, this.#at);
      const inner = [...path, JSON.parse(key) as string];
      this.offsets.set(JSON.stringify(inner), offset);
      this.#take(SPACE);
      if (this.#text[this.#at] !== ":") throw new Mistake(`expected ":" after ${key}, got ${this.#next()}`, this.#at);
      this.#at++;
      this.#value(inner);
    });
  }

  #list(path: readonly (string | number)[]): void {
    let index = 0;
    this.#members("]", () => {
      const inner = [...path, index++];
      this.offsets.set(JSON.stringify(inner), this.#at);
      this.#value(inner);
    });
  }

  /** Scans the members between brackets, separated by commas. */
  #members(end: string, member: () => void): void {
    this.#at++;
    this.#take(SPACE);
    if (this.#text[this.#at] !== end) {
      for (;;) {
        member();
        if (this.#text[this.#at] !== ",") break;
        const comma = this.#at++;
        this.#take(SPACE);
        if (this.#text[this.#at] === end) throw new Mistake(`unexpected "," before "${end}"`, comma);
      }
      if (this.#text[this.#at] !== end) throw new Mistake(`expected "," or "${end}", got ${this.#next()}`, this.#at);
    }
    this.#at++;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** Describes the next character, for a message. */
  #next(): string {
    const rest = this.#text.slice(this.#at, this.#at + 2);
    if (rest === "") return "the end of the file";
    if (rest === "//" || rest === "/*") return "a comment, which JSON does not allow";
    return JSON.stringify(rest[0]);
  }
}
