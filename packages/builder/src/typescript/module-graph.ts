import { statSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, resolve } from "node:path";
import { FaasError } from "@faas/core";
import { isTypeScript } from "./file-names.ts";
import { type CompileContext, isModule, loadModule, type ModuleFile } from "./module-file.ts";
import type { Reference } from "./module-syntax.ts";
import { resolveFile, resolveImport } from "./resolve.ts";
import { sourcePosition } from "./source-position.ts";
import { TopLevelAwaitError } from "./transform.ts";

/** Reference of a module to a file that is bundled. */
export interface Link {
  readonly reference: Reference;
  readonly path: string;
}

/** A module with its links. */
export interface LinkedModule extends ModuleFile {
  readonly links: readonly Link[];
  /** True if it imports a package, apart from Node's own. */
  readonly importsPackage: boolean;
}

/** Modules that are reachable from some files, in the order of loading. */
export class ModuleGraph {
  readonly modules = new Map<string, LinkedModule>();
  readonly #context: CompileContext;

  constructor(context: CompileContext) {
    this.#context = context;
  }

  /**
   * Adds files with everything that they import.
   *
   * @throws BUILD_FAILED with file, line and column of each error
   * @throws TopLevelAwaitError
   */
  async add(paths: readonly string[]): Promise<void> {
    const errors = await this.#addAll(paths);
    const awaits = errors.find((error) => error instanceof TopLevelAwaitError);
    if (awaits) throw awaits;
    const failures = errors.filter((error) => error instanceof FaasError && error.code === "BUILD_FAILED");
    const other = errors.find((error) => !failures.includes(error as FaasError));
    if (other) throw other;
    if (failures.length > 0)
      throw new FaasError("BUILD_FAILED", failures.map((error) => (error as Error).message).join("\n"), {
        cause: failures[0],
      });
  }

  /** Adds files that nothing imports, as far as the code says; returns a message for each that cannot be compiled. */
  async addOptional(paths: readonly string[]): Promise<readonly string[]> {
    const errors = await this.#addAll(paths);
    return errors.map((error) => (error as Error).message);
  }

  async #addAll(paths: readonly string[]): Promise<unknown[]> {
    const errors: unknown[] = [];
    const seen = new Set<string>(this.modules.keys());
    let wave = [...new Set(paths)].filter((path) => !seen.has(path));
    while (wave.length > 0) {
      for (const path of wave) seen.add(path);
      const results = await Promise.allSettled(wave.map((path) => this.#load(path)));
      const loaded: LinkedModule[] = [];
      for (const result of results) {
        if (result.status === "rejected") errors.push(result.reason);
        else loaded.push(result.value);
      }
      for (const module of loaded) this.modules.set(module.path, module);
      const next = loaded.flatMap(({ links }) => links.map(({ path }) => path)).filter(isModule);
      wave = [...new Set(next)].filter((path) => !seen.has(path));
    }
    return errors;
  }

  async #load(path: string): Promise<LinkedModule> {
    const module = await loadModule(path, this.#context);
    const links: Link[] = [];
    const errors: string[] = [];
    for (const reference of module.syntax.references) {
      const found = this.#resolve(reference, path);
      if (found !== undefined && found !== "package") links.push({ reference, path: found.path });
      else if (found === undefined && !reference.isOptional)
        errors.push(`${sourcePosition(module, reference)}: Could not resolve ${JSON.stringify(reference.specifier)}`);
    }
    if (errors.length > 0) throw new FaasError("BUILD_FAILED", errors.join("\n"));
    const packages = module.syntax.references.filter((reference) => this.#resolve(reference, path) === "package");
    const importsPackage = packages.some(({ kind, specifier }) => kind !== "url" && !isBuiltin(specifier));
    return { ...module, links, importsPackage };
  }

  #resolve(reference: Reference, importer: string): ReturnType<typeof resolveImport> {
    const { kind, specifier } = reference;
    if (kind === "url") return urlTarget(specifier, importer) ?? "package";
    const found = resolveImport(specifier, importer, this.#context.tsconfigs);
    return typeof found === "object" && found.path.includes("/node_modules/") ? "package" : found;
  }
}

/** Returns the TypeScript file that a URL relative to its module means, by its own name or by that of its output. */
function urlTarget(specifier: string, importer: string): { readonly path: string } | undefined {
  if (!/\.[mc]?[jt]sx?$/.test(specifier) || /^[a-z]+:/i.test(specifier)) return undefined;
  const named = resolve(dirname(importer), decodeURI(specifier));
  const path = isTypeScript(named) && !isFile(named) ? undefined : resolveFile(named, false);
  return path !== undefined && isTypeScript(path) ? { path } : undefined;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
