import { FaasError, type Language, languages, type Runtime } from "@faas/core";
import { isTypeScript } from "../typescript/file-names.ts";
import { MainFile, outputFolders } from "./main-file.ts";
import { readPackageJson } from "./manifest.ts";
import type { Source } from "./source.ts";

export interface Detected {
  readonly runtime: Language;
  /** File that contains the handler, with `/` as separator. */
  readonly entry: string;
  /** `main` of package.json without extension, if it is the output of `entry`. */
  readonly output?: string;
}

// The wrappers search in the same order: docs/wrapper-protocol.md, "Environment".
const NODE_FILES = ["index", "main", "handler", "function", "app"];
const PYTHON_FILES = ["main", "handler", "function", "app", "index"];
const NODE_EXTENSIONS = [".mjs", ".js", ".cjs"];
const TYPESCRIPT_EXTENSIONS = [".ts", ".mts", ".cts", ".tsx"];

/** Typical files of each language, for messages. */
const SIGNS: Readonly<Record<Language, string>> = {
  node: "package.json or *.mjs, *.js, *.cjs",
  typescript: "tsconfig.json or *.ts",
  python: "requirements.txt, pyproject.toml or *.py",
};

export const DOCKERFILE = "Dockerfile";

/**
 * Returns true if the folder's own Dockerfile builds the image: if the runtime is `dockerfile`, or if there is one and neither a language nor a
 * handler is given.
 *
 * @throws RUNTIME_UNKNOWN if the runtime is `dockerfile` and the file is missing
 */
export function usesDockerfile(source: Source, runtime: Runtime | undefined, handler: string | undefined): boolean {
  const exists = source.entries.some(({ name }) => name === DOCKERFILE);
  if (runtime === "dockerfile" && !exists)
    throw new FaasError(
      "RUNTIME_UNKNOWN",
      `Expected a ${DOCKERFILE} in ${source.folder} for --runtime dockerfile, but it is missing`,
    );
  return exists && (runtime === "dockerfile" || (runtime === undefined && handler === undefined));
}

/**
 * Detects the language of a folder and the file that contains its handler.
 *
 * @throws RUNTIME_UNKNOWN
 * @throws HANDLER_NOT_FOUND
 * @throws MANIFEST_INVALID
 */
export async function detect(
  source: Source,
  runtime: Language | undefined,
  handler: string | undefined,
): Promise<Detected> {
  const names = new Set(source.entries.map(({ name }) => name));
  const main = names.has("package.json") ? await mainOf(source) : undefined;
  const chosen = runtime ?? detectRuntime(names, handler, main);
  if (!chosen) {
    throw new FaasError(
      "RUNTIME_UNKNOWN",
      `Cannot detect the runtime of ${source.folder}: expected ${languages.map((language) => `${SIGNS[language]} (${language})`).join(", ")}; the folder has ${listing(names)}. Set it with --runtime, or "runtime" in faas.json`,
    );
  }
  const candidates = handler === undefined ? USUAL_FILES[chosen](main) : filesOf(handlerFile(handler), chosen);
  const entry = candidates.find((name) => names.has(name));
  if (entry) return { runtime: chosen, entry, ...(main?.sources.includes(entry) ? { output: main.stem } : {}) };
  const expected = handler === undefined ? "a handler" : `the handler "${handler}"`;
  const advice = handler === undefined ? "Set it" : "Set another one";
  const excluded = handler === undefined && main && chosen !== "python" ? `${main.problem(source.folder)} ` : "";
  throw new FaasError(
    "HANDLER_NOT_FOUND",
    `${excluded}Expected ${expected} of a ${chosen} function in one of ${shortList(candidates)}; the folder has ${listing(names)}. ${advice} with --handler file.export, or "handler" in faas.json`,
  );
}

async function mainOf({ folder }: Source): Promise<MainFile | undefined> {
  const { main } = (await readPackageJson(folder)) ?? {};
  return main === undefined || main.startsWith("../") ? undefined : new MainFile(main, await outputFolders(folder));
}

function detectRuntime(
  names: ReadonlySet<string>,
  handler: string | undefined,
  main: MainFile | undefined,
): Language | undefined {
  const has = (files: readonly string[]) => files.some((file) => names.has(file));
  const anyTop = (pattern: RegExp) => [...names].some((name) => !name.includes("/") && pattern.test(name));
  if (handler !== undefined) {
    const file = handlerFile(handler);
    if (has(filesOf(file, "python"))) return "python";
    if (has(TYPESCRIPT_EXTENSIONS.map((extension) => file + extension))) return "typescript";
    if (has(filesOf(file, "node"))) return "node";
  }
  if (has(withExtensions(NODE_FILES, TYPESCRIPT_EXTENSIONS))) return "typescript";
  if (names.has("tsconfig.json") && [...names].some((name) => !name.includes("/") && isTypeScript(name)))
    return "typescript";
  const hasScript = has([...withExtensions(NODE_FILES, NODE_EXTENSIONS), ...(main?.scripts ?? [])]);
  if (!hasScript && has([...(main?.sources ?? []), ...withExtensions(inSources(NODE_FILES), TYPESCRIPT_EXTENSIONS)]))
    return "typescript";
  if (names.has("package.json") || has(withExtensions(NODE_FILES, NODE_EXTENSIONS))) return "node";
  if (names.has("requirements.txt") || names.has("pyproject.toml") || names.has("Pipfile") || anyTop(/\.py$/))
    return "python";
  if (anyTop(/\.[mc]?js$/)) return "node";
  return names.has("tsconfig.json") ? "typescript" : undefined;
}

const handlerFile = (handler: string) => handler.slice(0, handler.lastIndexOf("."));

const withExtensions = (files: readonly string[], extensions: readonly string[]) =>
  files.flatMap((file) => extensions.map((extension) => file + extension));

/** Lists the possible files of a handler `file.export`. */
function filesOf(file: string, runtime: Language): string[] {
  return FILES[runtime](file);
}

const FILES: Readonly<Record<Language, (file: string) => string[]>> = {
  node: (file) => withExtensions([file], NODE_EXTENSIONS),
  typescript: (file) => withExtensions([file], [...TYPESCRIPT_EXTENSIONS, ...NODE_EXTENSIONS]),
  python(file) {
    const stems = [...new Set([file, file.replaceAll(".", "/")])];
    return [...stems, ...inSources(stems)].flatMap((stem) => [`${stem}.py`, `${stem}/__init__.py`]);
  },
};

const USUAL_FILES: Readonly<Record<Language, (main: MainFile | undefined) => string[]>> = {
  node: (main) => usualNodeFiles("node", main?.scripts ?? []),
  typescript: (main) => usualNodeFiles("typescript", main ? [...main.sources, ...main.scripts] : []),
  python: () => [...PYTHON_FILES, ...inSources(PYTHON_FILES)].flatMap((stem) => [`${stem}.py`, `${stem}/__init__.py`]),
};

function usualNodeFiles(runtime: "node" | "typescript", main: readonly string[]): string[] {
  const [index = "", ...others] = NODE_FILES;
  const rest = [...others, ...inSources(NODE_FILES)].flatMap((file) => filesOf(file, runtime));
  return [...filesOf(index, runtime), ...main, ...rest];
}

const inSources = (files: readonly string[]) => files.map((file) => `src/${file}`);

const MAX_LISTED = 10;

/** Lists files for messages, without those in `src`, which have the same names. */
function shortList(names: readonly string[]): string {
  const top = names.filter((name) => !name.startsWith("src/"));
  return top.join(", ") + (top.length < names.length ? ", or in src" : "");
}

/** Lists the files and folders at the top of the source folder, for messages. */
function listing(names: ReadonlySet<string>): string {
  const top = [...new Set([...names].map((name) => name.replace(/\/.*/, "/")))];
  const more = top.length - MAX_LISTED;
  return `${top.slice(0, MAX_LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
