import { readFile } from "node:fs/promises";
import { extname, join, relative } from "node:path";
import { FaasError } from "@faas/core";
import type { Source } from "../source/source.ts";
import { formatOfExtension, isOutside, isTypeScript, type ModuleFormat } from "./file-names.ts";
import { type Compiled, Linker, standIn } from "./link.ts";
import { isModule } from "./module-file.ts";
import { type LinkedModule, ModuleGraph } from "./module-graph.ts";
import { PackageScopes } from "./package-scopes.ts";
import { TopLevelAwaitError } from "./transform.ts";
import { Tsconfigs } from "./tsconfig.ts";

/** Result of a compilation. */
export interface Compilation {
  readonly files: readonly Compiled[];
  /** Names of deployed files that the result replaces. */
  readonly replaced: ReadonlySet<string>;
  /** File that contains the handler in the bundle. */
  readonly entry: string;
  readonly warnings: readonly string[];
}

/**
 * Compiles the TypeScript files of a folder one by one, in their places, and files outside of it that they import. Packages stay as they are.
 * The `type` in `package.json` decides about the module format, as in Node. Without one, code that needs CommonJS becomes CommonJS, except with
 * top-level `await`. Reasons: decision 26.
 *
 * @param output - path without extension at which the wrapper looks for the entry
 * @param onInput - called for each file that is read, also if the compilation fails
 * @throws BUILD_FAILED with file, line and column of each error
 * @throws MANIFEST_INVALID
 */
export async function compile(
  source: CompiledSource,
  entry: string,
  output?: string,
  onInput?: (path: string) => void,
): Promise<Compilation> {
  const modern = await loadAs("esm", source, entry, onInput).catch((error) => {
    if (!(error instanceof TopLevelAwaitError)) throw error;
    throw new FaasError("BUILD_FAILED", `${error.message}. Set "type": "module" in package.json`, { cause: error });
  });
  for (const { path } of [...modern.modules.values()].flatMap(({ links }) => links)) onInput?.(path);
  if (!needsCommonJs(modern)) return link(modern, source, entry, output);
  const classic = await loadAs("cjs", source, entry).catch((error) => {
    if (!(error instanceof TopLevelAwaitError)) throw error;
    return modern;
  });
  return link(classic, source, entry, output);
}

type CompiledSource = Pick<Source, "folder" | "entries">;

interface Loaded {
  readonly modules: ReadonlyMap<string, LinkedModule>;
  readonly scopes: PackageScopes;
  /** Errors in files that nothing imports. */
  readonly failures: readonly string[];
}

/** Loads all modules of a folder, with a format for those about which no `package.json` decides. */
async function loadAs(
  fallback: ModuleFormat,
  { folder, entries }: CompiledSource,
  entry: string,
  onInput?: (path: string) => void,
): Promise<Loaded> {
  const scopes = new PackageScopes(folder, fallback);
  const graph = new ModuleGraph({ folder, tsconfigs: new Tsconfigs(folder, onInput), scopes, onInput });
  await graph.add([join(folder, entry)]);
  const failures = await graph.addOptional(sourceNames(entries).map((name) => join(folder, name)));
  // Sorted: the time that a file takes must not matter.
  const modules = new Map([...graph.modules].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { modules, scopes, failures };
}

/**
 * Returns true if code behaves differently as an ES module: with CommonJS variables, with CommonJS files, and with packages, whose names Node
 * does not always find from an ES module.
 */
function needsCommonJs({ modules, scopes }: Loaded): boolean {
  return [...modules.values()]
    .filter(({ path, name }) => scopes.isUndecided(path) && formatOfExtension(name) === undefined)
    .some(
      ({ isCompiled, format, code, importsPackage }) =>
        importsPackage || (isCompiled ? /\b(?:require|module|exports)\b/.test(code) : format === "cjs"),
    );
}

async function link(
  { modules, failures }: Loaded,
  { folder, entries }: CompiledSource,
  entry: string,
  output: string | undefined,
): Promise<Compilation> {
  const deployed = new Set(entries.map(({ name }) => name));
  const files = new Linker({ modules, deployed, data: await readData(folder, modules) }).link();
  const names = new Set([...deployed, ...files.map(({ name }) => name)]);
  const main = modules.get(join(folder, entry)) as LinkedModule;
  const { target } = main;
  if (output !== undefined && target.slice(0, -extname(target).length) !== output) {
    const name = output + (main.format === "esm" ? ".mjs" : ".cjs");
    files.push({ name, text: standIn(main, name) });
  }
  for (const module of modules.values()) {
    if (isOutside(module.name) || !isTypeScript(module.name)) continue;
    for (const name of otherNames(module, module.target === target))
      if (name === module.name || !names.has(name)) files.push({ name, text: standIn(module, name) });
  }
  return {
    files,
    replaced: new Set([...files.map(({ name }) => name), ...sourceNames(entries), ...siblings(target)]),
    entry: target,
    warnings: failures.map((failure) => `Left out, because it cannot be compiled: ${failure}`),
  };
}

/** Lists the names under which a computed path may look for a compiled file: its own, and that of the output of `tsc`. */
function otherNames({ name, target }: LinkedModule, isEntry: boolean): string[] {
  const names = name.endsWith("x") ? [] : [name];
  if (!isEntry && formatOfExtension(name) === undefined && !target.endsWith(".js"))
    names.push(`${target.slice(0, -extname(target).length)}.js`);
  return names;
}

const sourceNames = (entries: Source["entries"]): string[] =>
  entries.filter(({ kind, name }) => kind === "file" && isTypeScript(name)).map(({ name }) => name);

/** Reads the imported JSON and text files. */
async function readData(folder: string, modules: ReadonlyMap<string, LinkedModule>) {
  const paths = [...modules.values()].flatMap(({ links }) => links.map(({ path }) => path));
  const data = new Set(paths.filter((path) => !isModule(path) && [".json", ".txt"].includes(extname(path))));
  const files = Array.from(data, async (path) => {
    const file = { name: relative(folder, path), text: await readFile(path, "utf8") };
    return [path, file] as const;
  });
  return new Map(await Promise.all(files));
}

/** Lists the names that the wrapper could take for the handler's file instead. */
function siblings(target: string): string[] {
  const stem = target.slice(0, -extname(target).length);
  return [".mjs", ".js", ".cjs"].map((extension) => stem + extension).filter((name) => name !== target);
}
