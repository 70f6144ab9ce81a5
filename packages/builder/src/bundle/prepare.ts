import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError, isLanguage, type Language, WRAPPER_FILES } from "@faas/core";
import type { Dependencies, DependencyOptions } from "../dependencies/cache.ts";
import { nodeDependencies } from "../dependencies/node.ts";
import { pythonDependencies } from "../dependencies/python/install.ts";
import { detectApp } from "../detection/detect-app.ts";
import { type DetectedApp, type DetectedSettings, type GivenSettings, settingsOf } from "../detection/detected-app.ts";
import { readSource, type Source, type SourceEntry } from "../source/source.ts";
import { isTypeScript } from "../typescript/file-names.ts";

export type Stage = "prepare" | "install" | "pack";

/** Settings of the user for a build; what is absent is detected. */
export type SourceSettings = Partial<Omit<DetectedSettings, "env">>;

/** A file that the build writes. */
export interface WrittenFile {
  readonly name: string;
  readonly text: string | Uint8Array;
}

export interface BuildOptions extends DependencyOptions, SourceSettings {
  /** Page of a static folder for paths without a file, with status 200. */
  readonly fallback?: string;
  /** Called with a description of what was detected, such as "Express app, server.js". */
  readonly onDetected?: (description: string) => void;
  /** False leaves out the compressed forms of static files. */
  readonly isCompressed?: boolean;
  /** Called when a stage begins. */
  readonly onStage?: (stage: Stage) => void;
  /**
   * Maximum size of the source, without dependencies.
   *
   * @defaultValue 256 MiB
   */
  readonly sizeLimitBytes?: number;
}

/** Code of a function or an app with its wrapper, without dependencies. */
export interface PreparedCode extends DetectedSettings {
  readonly folder: string;
  readonly runtime: DetectedApp["runtime"];
  /** Description for people, such as "Express app, server.js". */
  readonly description: string;
  readonly entries: readonly SourceEntry[];
  readonly compiled: readonly WrittenFile[];
  /** False if the code needs no packages of its own. */
  readonly hasDependencies: boolean;
  readonly warnings: readonly string[];
}

/** Content of a bundle. */
export interface PreparedSource extends PreparedCode {
  readonly dependencies: Dependencies | undefined;
}

export const SOURCE_LIMIT_BYTES = 256 * 2 ** 20;

/** Folder of all templates. `src` and `dist` have the same depth below the root. */
export const templates = join(import.meta.dirname, "../../../../templates");
/** Folders within `templates` that have a language's wrapper and Dockerfile. */
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

/**
 * Reads the folder, detects the runtime, compiles and installs, without packing.
 *
 * @throws the codes of docs/errors.md, "The command line"
 */
export async function prepare(dir: string, options: BuildOptions = {}): Promise<PreparedSource> {
  options.onStage?.("prepare");
  const source = await readSource(dir, options.sizeLimitBytes ?? SOURCE_LIMIT_BYTES, options.signal);
  if (options.runtime === "dockerfile")
    throw new FaasError("RUNTIME_UNKNOWN", "A Dockerfile produces an image, but the platform runs bundles");
  const code = await prepareCode(source, { ...options, runtime: options.runtime });
  options.onStage?.("install");
  const dependencies =
    isLanguage(code.runtime) && code.hasDependencies
      ? await INSTALLERS[code.runtime](source.folder, options)
      : undefined;
  return { ...code, dependencies };
}

/** Options of {@link prepareCode}. */
interface CodeOptions extends GivenSettings {
  readonly fallback?: string | undefined;
  /** False leaves out the compressed forms of static files. */
  readonly isCompressed?: boolean;
  readonly sizeLimitBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onDetected?: ((description: string) => void) | undefined;
  readonly onInput?: ((path: string) => void) | undefined;
}

/** Detects the runtime and the app, compiles and adds the wrapper, without installing. */
export async function prepareCode(source: Source, options: CodeOptions): Promise<PreparedCode> {
  const detected = await detectApp(source, options);
  const { runtime, entry, output, description, added = [], warnings = [] } = detected;
  options.onDetected?.(description);
  if (detected.site !== undefined) return prepareSite(source, detected, options);
  const isCompiled = entry !== undefined && isTypeScript(entry);
  const compilation = isCompiled ? await compileSource(source, entry, output, options.onInput) : undefined;
  options.signal?.throwIfAborted();
  const entries = source.entries.filter(({ name }) => !compilation?.replaced.has(name));
  return {
    ...settingsOf(detected),
    folder: source.folder,
    runtime,
    description,
    entries: [...entries, ...(isLanguage(runtime) ? [await wrapperEntry(runtime)] : [])],
    compiled: [...(compilation?.files ?? []), ...added],
    hasDependencies: isLanguage(runtime),
    warnings: [...source.warnings, ...warnings, ...(compilation?.warnings ?? [])],
  };
}

async function prepareSite(source: Source, detected: DetectedApp, options: CodeOptions): Promise<PreparedCode> {
  // Loaded on demand: most folders are not sites.
  const { buildSite } = await import("../site/build-site.ts");
  const { isCompressed = true, sizeLimitBytes = SOURCE_LIMIT_BYTES, signal } = options;
  const fallback = options.fallback ?? detected.fallback;
  const site = await buildSite(source, { folder: detected.site ?? "", fallback, isCompressed, sizeLimitBytes, signal });
  return {
    ...settingsOf(detected),
    folder: source.folder,
    runtime: "node",
    description: detected.description,
    entries: [...site.entries, await wrapperEntry("node")],
    compiled: site.files,
    hasDependencies: false,
    warnings: [...source.warnings, ...site.warnings],
  };
}

async function compileSource(
  source: Source,
  entry: string,
  output: string | undefined,
  onInput: ((path: string) => void) | undefined,
) {
  // Loaded on demand, with its parser: most commands compile nothing.
  const { compile } = await import("../typescript/compile.ts");
  return compile(source, entry, output, onInput);
}

/** Reads a language's wrapper. */
export async function wrapperText(runtime: Language): Promise<string> {
  const { path } = await wrapperEntry(runtime);
  return readFile(path, "utf8");
}

async function wrapperEntry(runtime: Language): Promise<SourceEntry & { readonly path: string }> {
  const path = join(templates, TEMPLATE_FOLDERS[runtime], WRAPPER_FILES[runtime]);
  await access(path).catch((cause) => {
    throw new FaasError("BUILD_FAILED", `The wrapper ${path} is missing: install faas again`, { cause });
  });
  return { kind: "file", name: WRAPPER_FILES[runtime], path, sizeBytes: 0, executable: false };
}
