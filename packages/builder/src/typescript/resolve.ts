import { readFileSync, realpathSync, statSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, extname, join, resolve } from "node:path";
import type { Tsconfigs } from "./tsconfig.ts";

/** Sources that TypeScript looks for behind the extension of their output. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx", ".js", ".jsx"],
  ".jsx": [".tsx", ".jsx"],
  ".mjs": [".mts", ".mjs"],
  ".cjs": [".cts", ".cjs"],
};
/** Extensions that a specifier may leave out. */
const OMITTED = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"];

/** File behind a specifier; "package" for what Node finds itself, and undefined for a file that does not exist. */
export type Resolved = { readonly path: string } | "package" | undefined;

/** Resolves the specifier of an import as TypeScript and bundlers do: without extension, through a folder, and by `paths`. */
export function resolveImport(specifier: string, importer: string, tsconfigs: Tsconfigs): Resolved {
  if (/^\.{1,2}(?:\/|$)/.test(specifier) || specifier.startsWith("/")) {
    const path = resolveFile(
      resolve(dirname(importer), specifier),
      specifier.endsWith("/") || /(^|\/)\.{1,2}$/.test(specifier),
    );
    return path === undefined ? undefined : { path };
  }
  if (isBuiltin(specifier) || specifier.includes(":")) return "package";
  for (const candidate of tsconfigs.optionsFor(importer)?.candidates(specifier) ?? []) {
    const path = resolveFile(candidate, false);
    if (path !== undefined && !path.includes("/node_modules/")) return { path };
  }
  return "package";
}

/** Returns the real path of the file that a path without extension, with the extension of an output, or of a folder means. */
export function resolveFile(path: string, isFolder: boolean): string | undefined {
  const found = isFolder ? inFolder(path) : (asFile(path) ?? inFolder(path));
  return found === undefined ? undefined : realpathSync(found);
}

function asFile(path: string): string | undefined {
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  const sources = (SOURCES[extension] ?? []).map((source) => stem + source);
  return [...sources, path, ...OMITTED.map((omitted) => path + omitted)].find(isFile);
}

function inFolder(path: string): string | undefined {
  const main = mainOf(path);
  const fromMain = main === undefined ? undefined : (asFile(join(path, main)) ?? asFile(join(path, main, "index")));
  return fromMain ?? OMITTED.map((omitted) => join(path, `index${omitted}`)).find(isFile);
}

function mainOf(folder: string): string | undefined {
  try {
    const { main } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return typeof main === "string" ? main : undefined;
  } catch {
    return undefined;
  }
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
