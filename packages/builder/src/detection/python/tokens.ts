/** Token of Python source. Comments and line ends within brackets are left out. */
export interface Token {
  readonly kind: "name" | "string" | "number" | "operator";
  /** Text of the token; of a string its content, without prefix and quotes. */
  readonly text: string;
}

/** A logical line: a statement, or the head of a block. */
export interface Line {
  /** Columns before the first token. */
  readonly indent: number;
  readonly tokens: readonly Token[];
}

const STRING = /(?:[rRbBuUfFtT]{0,2})("""|'''|"|')/y;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER = /\d[\w.]*/y;
const OPERATOR = /->|:=|==|!=|<=|>=|\*\*|\/\/|\.\.\.|[^\s\w]/uy;

/** Splits Python source into logical lines. Source that is not valid Python gives some lines, never an error. */
export function pythonLines(source: string): Line[] {
  return new Tokenizer(source.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n")).lines();
}

class Tokenizer {
  readonly #source: string;
  readonly #lines: Line[] = [];
  #position = 0;
  #depth = 0;
  #indent = 0;
  #tokens: Token[] = [];

  constructor(source: string) {
    this.#source = source;
  }

  lines(): Line[] {
    this.#readIndent();
    while (this.#position < this.#source.length) this.#next();
    this.#endLine();
    return this.#lines;
  }

  #next(): void {
    const character = this.#source[this.#position] as string;
    if (character === "\n") {
      this.#position++;
      if (this.#depth > 0) return;
      this.#endLine();
      this.#readIndent();
    } else if (character === "#") this.#position = this.#indexOf("\n");
    else if (character === "\\") this.#position += 2;
    else if (character === ";" && this.#depth === 0) {
      this.#position++;
      this.#endLine();
    } else if (/\s/.test(character)) this.#position++;
    else if (!this.#readString()) this.#readOther();
  }

  #endLine(): void {
    if (this.#tokens.length > 0) this.#lines.push({ indent: this.#indent, tokens: this.#tokens });
    this.#tokens = [];
  }

  #readIndent(): void {
    const [space = ""] = this.#match(/[ \t\f]*/y) ?? [];
    // A tab moves to the next multiple of 8 (Python's lexical analysis, "Indentation").
    this.#indent = [...space].reduce((column, each) => (each === "\t" ? column + 8 - (column % 8) : column + 1), 0);
    this.#position += space.length;
  }

  #readString(): boolean {
    const [start, quote] = this.#match(STRING) ?? [];
    if (start === undefined || quote === undefined) return false;
    const begin = this.#position + start.length;
    let end = begin;
    while (end < this.#source.length && !this.#source.startsWith(quote, end)) {
      if (this.#source[end] === "\n" && quote.length === 1) break;
      end += this.#source[end] === "\\" ? 2 : 1;
    }
    this.#tokens.push({ kind: "string", text: this.#source.slice(begin, end) });
    this.#position = Math.min(end + quote.length, this.#source.length);
    return true;
  }

  #readOther(): void {
    for (const [kind, pattern] of [
      ["name", NAME],
      ["number", NUMBER],
      ["operator", OPERATOR],
    ] as const) {
      const [text] = this.#match(pattern) ?? [];
      if (text === undefined) continue;
      if ("([{".includes(text)) this.#depth++;
      if (")]}".includes(text)) this.#depth = Math.max(0, this.#depth - 1);
      this.#tokens.push({ kind, text });
      this.#position += text.length;
      return;
    }
    this.#position++;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#position;
    return pattern.exec(this.#source);
  }

  #indexOf(text: string): number {
    const index = this.#source.indexOf(text, this.#position);
    return index < 0 ? this.#source.length : index;
  }
}
