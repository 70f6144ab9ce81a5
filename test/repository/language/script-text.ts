import type { Span } from "./span.ts";

/** Finds comments and string literals in languages whose comments begin with `#`: Python, shell, Perl. */
export function scriptSpans(source: string): Span[] {
  const spans: Span[] = [];
  let position = source.startsWith("#!") ? endOfLine(source, 0) : 0;
  while (position < source.length) {
    const character = source[position];
    if (character === "\\") position += 2;
    else if (character === "#" && !/[\w$&{]/.test(source[position - 1] ?? "")) {
      const end = endOfLine(source, position);
      spans.push({ kind: "line", start: position, end });
      position = end;
    } else if (character === '"' || character === "'") position = addString(source, position, spans);
    else position++;
  }
  return spans;
}

function addString(source: string, start: number, spans: Span[]): number {
  const quote = source[start] as string;
  const triple = quote.repeat(3);
  if (!source.startsWith(triple, start)) {
    const end = closing(source, start + 1, quote);
    spans.push({ kind: "string", start: start + 1, end });
    return end + 1;
  }
  const end = closing(source, start + 3, triple);
  const line = source.slice(source.lastIndexOf("\n", start) + 1, start);
  spans.push({ kind: line.trim() === "" ? "doc" : "string", start: start + 3, end });
  return end + 3;
}

function closing(source: string, start: number, quote: string): number {
  let position = start;
  while (position < source.length && !source.startsWith(quote, position)) {
    if (quote.length === 1 && source[position] === "\n") return position;
    position += source[position] === "\\" ? 2 : 1;
  }
  return position;
}

function endOfLine(source: string, position: number): number {
  const end = source.indexOf("\n", position);
  return end === -1 ? source.length : end;
}
