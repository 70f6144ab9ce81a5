import type { Span } from "./span.ts";

/** Tokens after which a slash begins a regular expression and not a division. */
const beforeRegex =
  /(?:[([{,;=:?!&|+\-*%<>~^}]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield))$/;

/** Finds comments and string literals in TypeScript and JavaScript. */
export function typescriptSpans(source: string): Span[] {
  const spans: Span[] = [];
  /** Depth of braces at which each open `${…}` ends. */
  const templates: number[] = [];
  let depth = 0;
  let position = source.startsWith("#!") ? endOfLine(source, 0) : 0;
  const add = (kind: Span["kind"], start: number, end: number) => {
    spans.push({ kind, start, end });
    return end;
  };
  const template = (start: number) => {
    const end = endOfTemplate(source, start);
    add("string", start, end);
    if (source[end] !== "$") return end + 1;
    templates.push(depth);
    return end + 2;
  };
  while (position < source.length) {
    const character = source[position] as string;
    const two = source.slice(position, position + 2);
    if (two === "//") position = add("line", position, endOfLine(source, position));
    else if (two === "/*")
      position = add(source[position + 2] === "*" ? "doc" : "block", position, endOfBlock(source, position));
    else if (character === '"' || character === "'")
      position = add("string", position + 1, endOfQuoted(source, position)) + 1;
    else if (character === "`") position = template(position + 1);
    else if (character === "/" && startsRegex(source, position)) position = endOfRegex(source, position);
    else if (character === "}" && templates.at(-1) === depth) {
      templates.pop();
      position = template(position + 1);
    } else {
      if (character === "{") depth++;
      if (character === "}") depth--;
      position++;
    }
  }
  return spans;
}

function endOfLine(source: string, position: number): number {
  const end = source.indexOf("\n", position);
  return end === -1 ? source.length : end;
}

function endOfBlock(source: string, position: number): number {
  const end = source.indexOf("*/", position + 2);
  return end === -1 ? source.length : end + 2;
}

/** Returns the position of the closing quote, or of the end of the line. */
function endOfQuoted(source: string, start: number): number {
  const quote = source[start];
  let position = start + 1;
  while (position < source.length && source[position] !== quote && source[position] !== "\n")
    position += source[position] === "\\" ? 2 : 1;
  return position;
}

/** Returns the position of the closing backtick or of the next `${`. */
function endOfTemplate(source: string, start: number): number {
  let position = start;
  while (position < source.length && source[position] !== "`" && !source.startsWith("${", position))
    position += source[position] === "\\" ? 2 : 1;
  return position;
}

function startsRegex(source: string, position: number): boolean {
  const before = source.slice(Math.max(0, position - 200), position).trimEnd();
  return before === "" || beforeRegex.test(before);
}

function endOfRegex(source: string, start: number): number {
  let position = start + 1;
  let inClass = false;
  while (position < source.length && source[position] !== "\n") {
    const character = source[position];
    if (character === "\\") position++;
    else if (character === "[") inClass = true;
    else if (character === "]") inClass = false;
    else if (character === "/" && !inClass) return position + 1;
    position++;
  }
  return position;
}
