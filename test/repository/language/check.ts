import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { checkLayout, readableMarkdown } from "./markdown.ts";
import { openerFaults, testNameFaults } from "./openers.ts";
import { lineAt, readableText, spansOf } from "./text.ts";
import { type BannedPhrase, findPhrases, readWordList } from "./word-list.ts";

/** Breach of a language rule of STYLEGUIDE.md. */
export interface Fault {
  /** Path below the root of the repository. */
  readonly file: string;
  readonly line: number;
  readonly problem: string;
  readonly advice: string;
}

export const root = join(import.meta.dirname, "../../..");

const checked = [
  "*.md",
  ".ci/run",
  "{docs,packages,templates,test}/**/{Dockerfile,*.{md,ts,tsx,mts,js,mjs,cjs,py,pl,sh}}",
];
const unchecked =
  /^test\/repository\/language\.test\.ts$|(?:^|\/)(?:node_modules|dist|coverage|\.venv|__pycache__|apps\/folders|original-experiments)(?:\/|\.md$)/;

/** Lists the files that a person reads, sorted, as paths below the root; `paths` are files and folders, all by default. */
export function readableFiles(paths: readonly string[] = ["."]): string[] {
  const wanted = paths.map((path) => relative(root, resolve(path)));
  const exclude = (path: string) => /(?:^|\/)(?:node_modules|dist)$/.test(path);
  return globSync(checked, { cwd: root, exclude })
    .filter((file) => !unchecked.test(file))
    .filter((file) => wanted.some((path) => path === "" || file === path || file.startsWith(`${path}/`)))
    .sort();
}

/** Checks files against the language rules of STYLEGUIDE.md. */
export function checkFiles(files: readonly string[]): Fault[] {
  const words = readWordList(readFileSync(join(root, "STYLEGUIDE.md"), "utf8"));
  return files.flatMap((file) => checkText(file, readFileSync(join(root, file), "utf8"), words));
}

/** Checks one text; the extension of `file` says which rules apply. */
export function checkText(file: string, source: string, words: readonly BannedPhrase[]): Fault[] {
  const markdown = file.endsWith(".md");
  const spans = markdown ? [] : spansOf(file, source);
  const text = markdown ? readableMarkdown(source) : readableText(source, spans);
  const phrases = findPhrases(text, words).map(({ position, phrase, advice }) => ({
    line: lineAt(text, position),
    problem: `"${phrase}"`,
    advice,
  }));
  const layout = markdown
    ? checkLayout(text)
    : [...openerFaults(text, spans, source), ...testNameFaults(text, spans, source)];
  return [...phrases, ...layout].map((fault) => ({ file, ...fault })).sort((one, other) => one.line - other.line);
}

/** Counts faults per folder. */
export function countByFolder(faults: readonly Fault[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { file } of faults) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  return counts;
}

/** Formats a fault as an editor's problem list reads it. */
export const formatFault = ({ file, line, problem, advice }: Fault) => `${file}:${line}: ${problem}: ${advice}`;

if (import.meta.main) {
  const args = process.argv.slice(2);
  const paths = args.filter((arg) => !arg.startsWith("--"));
  const faults = checkFiles(readableFiles(paths.length > 0 ? paths : undefined));
  const counts = [...countByFolder(faults)].map(([folder, count]) => `${String(count).padStart(5)} ${folder}`);
  console.log([...(args.includes("--count") ? counts : faults.map(formatFault)), `${faults.length} faults`].join("\n"));
  process.exitCode = faults.length > 0 ? 1 : 0;
}
