import { hidden, hide } from "./text.ts";

/** Longest table cell, in characters as they are shown. */
const MAX_CELL = 200;

const listItem = /^\s*(?:[-*+]|\d+\.)\s+/;
const structure = /^\s*(?:#|\||>|<|[-*+]\s|\d+\.\s|```|~~~|---|\[[^\]]+\]:)/;
const abbreviation = /\b(?:e\.g|i\.e|etc|vs|cf|approx|ca|incl|resp|No|Fig|Dr|St)\.(?=\s)/g;
const sentenceEnd = new RegExp(`(?<!\\.\\.)[.!?]["')\\]*_”]*\\s+["'(\\[*_“]*[A-Z${hidden}]`);
const lineEnd = /(?:[.!?:]["')\]*_”]*|\\| {2})$/;

/** Fault in the layout of a page. */
export interface LayoutFault {
  readonly line: number;
  readonly problem: string;
  readonly advice: string;
}

/** Hides code, URLs and the parts between `<!-- language: off -->` and `on`; positions and lines stay. */
export function readableMarkdown(page: string): string {
  const text = page
    .replaceAll(/<!-- language: off -->[\s\S]*?(?:<!-- language: on -->|$)/g, hide)
    .replaceAll(/^( *)(```|~~~)[\s\S]*?^\1\2`*$/gm, hide)
    .replaceAll(/(`+)(?!`)[^\n]*?[^`\n]\1(?!`)/g, (code) => hidden.repeat(code.length))
    .replaceAll(/<!--[\s\S]*?-->/g, hide)
    .replaceAll(/(?<=\])\([^)\s]*\)|https?:\/\/[^\s)>]+/g, hide);
  return hideIndentedCode(text);
}

/** Checks that a line is a sentence and a table cell a phrase, in what {@link readableMarkdown} leaves. */
export function checkLayout(text: string): LayoutFault[] {
  const lines = text.split("\n");
  return lines.flatMap((line, index): LayoutFault[] => {
    const fault = (problem: string, advice: string) => [{ line: index + 1, problem, advice }];
    if (/^\s*\|/.test(line)) {
      const longest = Math.max(...cells(line).map((cell) => cell.length));
      return longest > MAX_CELL ? fault(`table cell of ${longest} characters`, `at most ${MAX_CELL}: a phrase`) : [];
    }
    if (/^\s*#/.test(line)) return [];
    const prose = line.replace(listItem, "").replaceAll(abbreviation, (found) => " ".repeat(found.length));
    if (sentenceEnd.test(prose)) return fault("two sentences in a line", "one sentence per line");
    if (isWrapped(line, lines[index + 1] ?? "")) return fault("sentence over two lines", "one sentence per line");
    return [];
  });
}

function isWrapped(line: string, next: string): boolean {
  const isText = (text: string) => /[A-Za-z]/.test(text);
  if (!isText(line) || (structure.test(line) && !listItem.test(line))) return false;
  return isText(next) && !structure.test(next) && !lineEnd.test(line);
}

/** Splits a table row; a link counts with its text only. */
const cells = (row: string): string[] =>
  row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.replaceAll(new RegExp(`\\]${hidden}+`, "g"), "]").trim());

/** Hides lines that four spaces make code: after an empty line, and not within a list. */
function hideIndentedCode(text: string): string {
  let inList = false;
  let isCode = false;
  let afterEmpty = true;
  return text
    .split("\n")
    .map((line) => {
      if (line.trim() === "") {
        afterEmpty = true;
        return line;
      }
      const indented = line.startsWith("    ");
      isCode = indented && !inList && (afterEmpty || isCode);
      if (!/^\s/.test(line)) inList = listItem.test(line);
      afterEmpty = false;
      return isCode ? hide(line) : line;
    })
    .join("\n");
}
