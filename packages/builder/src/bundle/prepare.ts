import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError, type Language, type Runtime, WRAPPER_FILES } from "@faas/core";
import type { Dependencies, DependencyOptions } from "../dependencies/cache.ts";
import { nodeDependencies } from "../dependencies/node.ts";
import { pythonDependencies } from "../dependencies/python.ts";
import { detect, isTypeScript } from "../source/runtime.ts";
import { readSource, type Source, type SourceEntry } from "../source/source.ts";
import { type Compiled, compile } from "../source/typescript.ts";

export type Stage = "prepare" | "install" | "pack";

export interface BuildOptions extends DependencyOptions {
  /** Found when absent. */
  readonly runtime?: Runtime;
  /** `file.export`; found when absent. */
  readonly handler?: string;
  /** Told when a stage begins. */
  readonly onStage?: (stage: Stage) => void;
  /** Of the source, without dependencies; 256 MiB. */
  readonly sizeLimitBytes?: number;
}

/** The code of a function with its wrapper, without what it depends on, and where it lies now. */
export interface PreparedCode {
  readonly folder: string;
  readonly runtime: Language;
  readonly handler?: string;
  readonly entries: readonly SourceEntry[];
  readonly compiled: readonly Compiled[];
  readonly warnings: readonly string[];
}

/** All that goes into a bundle. */
export interface Prepared extends PreparedCode {
  readonly dependencies: Dependencies | undefined;
}

export const SOURCE_LIMIT_BYTES = 256 * 2 ** 20;

/** The same depth below the root from `src` and from `dist`. */
export const templates = join(import.meta.dirname, "../../../../templates");
/** The folder of `templates` that holds a language's wrapper and Dockerfile. */
export const TEMPLATE_FOLDERS = {
  node: "node",
  typescript: "node",
  python: "python",
} as const satisfies Record<Language, string>;
const INSTALLERS = {
  node: nodeDependencies,
  typescript: nodeDependencies,
  python: pythonDependencies,
} satisfies Record<Language, typeof nodeDependencies>;

/** Reads the folder, finds the runtime, compiles, installs; packs nothing yet. */
export async function prepare(dir: string, options: BuildOptions = {}): Promise<Prepared> {
  options.onStage?.("prepare");
  const source = await readSource(dir, options.sizeLimitBytes ?? SOURCE_LIMIT_BYTES, options.signal);
  if (options.runtime === "dockerfile")
    throw new FaasError("RUNTIME_UNKNOWN", "A Dockerfile makes an image, and the platform runs bundles");
  const code = await prepareCode(source, { ...options, runtime: options.runtime });
  options.onStage?.("install");
  const warnings = [...code.warnings];
  const dependencies = await INSTALLERS[code.runtime](source.folder, options, (warning) => warnings.push(warning));
  return { ...code, dependencies, warnings };
}

/** Finds the runtime, compiles, adds the wrapper; installs nothing. */
export async function prepareCode(
  source: Source,
  options: { readonly runtime: Language | undefined; readonly handler?: string; readonly signal?: AbortSignal },
): Promise<PreparedCode> {
  const { runtime, entry } = await detect(source, options.runtime, options.handler);
  const hasTsconfig = source.entries.some(({ name }) => name === "tsconfig.json");
  const compiled = isTypeScript(entry) ? [await compile(source.folder, entry, hasTsconfig)] : [];
  options.signal?.throwIfAborted();
  const replaced = new Set(compiled.map(({ name }) => name));
  const kept = source.entries.filter(({ name }) => !replaced.has(name) && !(compiled.length > 0 && isTypeScript(name)));
  return {
    folder: source.folder,
    runtime,
    ...(options.handler === undefined ? {} : { handler: options.handler }),
    entries: [...kept, await wrapperEntry(runtime)],
    compiled,
    warnings: source.warnings,
  };
}

/** The text of a language's wrapper. */
export async function wrapperText(runtime: Language): Promise<string> {
  const { path } = await wrapperEntry(runtime);
  return readFile(path, "utf8");
}

async function wrapperEntry(runtime: Language): Promise<SourceEntry & { readonly path: string }> {
  const path = join(templates, TEMPLATE_FOLDERS[runtime], WRAPPER_FILES[runtime]);
  await access(path).catch((cause) => {
    throw new FaasError("BUILD_FAILED", `The wrapper ${path} is missing: this installation of faas is not whole`, {
      cause,
    });
  });
  return { kind: "file", name: WRAPPER_FILES[runtime], path, sizeBytes: 0, executable: false };
}
