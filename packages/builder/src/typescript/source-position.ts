import { SourceMap } from "node:module";
import type { ModuleFile } from "./module-file.ts";
import type { Reference } from "./module-syntax.ts";

/** Lines that an import declaration may take. */
const MAX_LINES = 100;

/** Returns `file:line:column` of a reference in the source, with the column counted from 1. */
export function sourcePosition(module: ModuleFile, reference: Reference): string {
  const before = module.code.slice(0, reference.start).split("\n");
  const generated = { line: before.length - 1, column: (before.at(-1) ?? "").length };
  const { line, column } = (module.isCompiled ? original(module.code, generated) : undefined) ?? generated;
  const exact = findQuoted(module.text, reference.specifier, line) ?? { line, column };
  return `${module.name}:${exact.line + 1}:${exact.column + 1}`;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/** Looks up a position in the inline source map of compiled code. */
function original(code: string, { line, column }: Position): Position | undefined {
  const [, base64] = /\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\s*$/.exec(code) ?? [];
  if (base64 === undefined) return undefined;
  const map = new SourceMap(JSON.parse(Buffer.from(base64, "base64").toString()));
  const entry = map.findEntry(line, column);
  return "originalLine" in entry ? { line: entry.originalLine, column: entry.originalColumn } : undefined;
}

/** Finds a quoted specifier from a line on: a source map has the position of the declaration. */
function findQuoted(text: string, specifier: string, from: number): Position | undefined {
  const lines = text.split("\n").slice(from, from + MAX_LINES);
  for (const [index, line] of lines.entries()) {
    const column = ['"', "'", "`"].map((quote) => line.indexOf(quote + specifier + quote)).find((each) => each >= 0);
    if (column !== undefined) return { line: from + index, column };
  }
  return undefined;
}
