import { FaasError, type Language, languages, type Runtime } from "@faas/core";
import { readPackageJson } from "./manifest.ts";
import type { Source } from "./source.ts";

export interface Detected {
  readonly runtime: Language;
  /** File that contains the handler, with `/` as separator. */
  readonly entry: string;
}

// The wrappers search in the same order: docs/wrapper-protocol.md, "Environment".
const NODE_FILES = ["index", "main", "handler", "function", "app"];
const PYTHON_FILES = ["main", "handler", "function", "app", "index"];
const NODE_EXTENSIONS = [".mjs", ".js", ".cjs"];
const TYPESCRIPT_EXTENSIONS = [".ts", ".mts"];

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

/** Returns true for a TypeScript file with code; declarations (`.d.ts`) have none. */
export const isTypeScript = (name: string) => /(?<!\.d)\.m?ts$/.test(name);

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
  const chosen = runtime ?? detectRuntime(names, handler);
  if (!chosen) {
    throw new FaasError(
      "RUNTIME_UNKNOWN",
      `Cannot detect the runtime of ${source.folder}: expected ${languages.map((language) => `${SIGNS[language]} (${language})`).join(", ")}; the folder has ${listing(names)}. Set it with --runtime, or "runtime" in faas.json`,
    );
  }
  const candidates =
    handler === undefined ? await USUAL_FILES[chosen](source.folder) : filesOf(handlerFile(handler), chosen);
  const entry = candidates.find((name) => names.has(name));
  if (entry) return { runtime: chosen, entry };
  const expected = handler === undefined ? "a handler" : `the handler "${handler}"`;
  const advice = handler === undefined ? "Set it" : "Set another one";
  throw new FaasError(
    "HANDLER_NOT_FOUND",
    `Expected ${expected} of a ${chosen} function in one of ${candidates.join(", ")}; the folder has ${listing(names)}. ${advice} with --handler file.export, or "handler" in faas.json`,
  );
}

function detectRuntime(names: ReadonlySet<string>, handler: string | undefined): Language | undefined {
  const has = (files: readonly string[]) => files.some((file) => names.has(file));
  const anyTop = (pattern: RegExp) => [...names].some((name) => !name.includes("/") && pattern.test(name));
  if (handler !== undefined) {
    const file = handlerFile(handler);
    if (has(filesOf(file, "python"))) return "python";
    if (has(TYPESCRIPT_EXTENSIONS.map((extension) => file + extension))) return "typescript";
    if (has(filesOf(file, "node"))) return "node";
  }
  if (has(withExtensions(NODE_FILES, TYPESCRIPT_EXTENSIONS))) return "typescript";
  if (names.has("tsconfig.json") && anyTop(/(?<!\.d)\.m?ts$/)) return "typescript";
  if (names.has("package.json") || has(withExtensions(NODE_FILES, NODE_EXTENSIONS))) return "node";
  if (names.has("requirements.txt") || names.has("pyproject.toml") || anyTop(/\.py$/)) return "python";
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
    return stems.flatMap((stem) => [`${stem}.py`, `${stem}/__init__.py`]);
  },
};

const USUAL_FILES: Readonly<Record<Language, (folder: string) => Promise<string[]>>> = {
  node: (folder) => usualNodeFiles("node", folder),
  typescript: (folder) => usualNodeFiles("typescript", folder),
  python: async () => PYTHON_FILES.flatMap((file) => filesOf(file, "python")),
};

async function usualNodeFiles(runtime: "node" | "typescript", folder: string): Promise<string[]> {
  const [index = "", ...others] = NODE_FILES;
  const { main } = (await readPackageJson(folder)) ?? {};
  // Only files that the wrapper can load; compiled TypeScript has one of the usual names.
  const mainFile =
    main && NODE_EXTENSIONS.some((extension) => main.endsWith(extension)) ? [main.replace(/^\.\//, "")] : [];
  return [...filesOf(index, runtime), ...mainFile, ...others.flatMap((file) => filesOf(file, runtime))];
}

const MAX_LISTED = 10;

/** Lists the files and folders at the top of the source folder, for messages. */
function listing(names: ReadonlySet<string>): string {
  const top = [...new Set([...names].map((name) => name.replace(/\/.*/, "/")))];
  const more = top.length - MAX_LISTED;
  return `${top.slice(0, MAX_LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
