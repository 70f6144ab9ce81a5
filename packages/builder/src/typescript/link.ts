import { posix } from "node:path";
import { dataModule } from "./data-module.ts";
import { bundledName, isOutside, type ModuleFormat } from "./file-names.ts";
import type { Link, LinkedModule } from "./module-graph.ts";
import type { NamedReference } from "./module-syntax.ts";
import { addPrelude } from "./prelude.ts";

/** File of the bundle that comes from the compiler. */
export interface Compiled {
  readonly name: string;
  readonly text: string;
}

/** Input of the linker. */
export interface LinkInput {
  readonly modules: ReadonlyMap<string, LinkedModule>;
  /** Names of deployed files. */
  readonly deployed: ReadonlySet<string>;
  /** Text and name, relative to the folder, of the imported JSON and text files by path. */
  readonly data: ReadonlyMap<string, { readonly name: string; readonly text: string }>;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Writes each module with the specifiers of its bundled files. */
export class Linker {
  readonly #input: LinkInput;
  readonly #files = new Map<string, string>();
  readonly #exports = new Map<LinkedModule, ReadonlySet<string> | undefined>();

  constructor(input: LinkInput) {
    this.#input = input;
  }

  /** Returns the files that differ from deployed ones, by their name in the bundle. */
  link(): Compiled[] {
    for (const module of this.#input.modules.values()) this.#write(module);
    return Array.from(this.#files, ([name, text]) => ({ name, text }));
  }

  #write(module: LinkedModule): void {
    const { code, format, syntax, isCompiled, target } = module;
    const edits = [...module.links.flatMap((link) => this.#rewrite(module, link)), ...this.#removeTypes(module)];
    if (isCompiled && format === "cjs") {
      for (const { start, end } of syntax.dynamicImports)
        edits.push({ start, end: start, text: "__faas_import(" }, { start: end, end, text: ")" });
    }
    const edited = applyEdits(code, edits);
    if (isCompiled) this.#files.set(target, addPrelude(edited, format, syntax));
    else if (edited !== code || !this.#input.deployed.has(target)) this.#files.set(target, edited);
  }

  #rewrite(module: LinkedModule, { reference, path }: Link): Edit[] {
    const target = this.#input.modules.get(path);
    const name = target ? target.target : this.#dataName(module, reference.kind, reference.hasAttributes, path);
    if (name === undefined || isNative(module, reference.kind, name)) return [];
    const specifier = relativeSpecifier(module.target, name);
    if (specifier === reference.specifier) return [];
    return [{ start: reference.start, end: reference.end, text: JSON.stringify(specifier) }];
  }

  /** Returns the name of the file that an import of JSON or text gets, which may be a module with its content. */
  #dataName(module: LinkedModule, kind: string, hasAttributes: boolean, path: string): string | undefined {
    const file = this.#input.data.get(path);
    if (!file || (!module.isCompiled && file.name.endsWith(".txt"))) return undefined;
    const bundled = bundledName(file.name);
    const isJson = file.name.endsWith(".json");
    if (isJson && (kind === "require" || hasAttributes)) {
      if (!this.#input.deployed.has(bundled)) this.#files.set(bundled, file.text);
      return bundled;
    }
    const format: ModuleFormat = kind === "require" && module.format === "cjs" ? "cjs" : "esm";
    const name = `${bundled}.${format === "esm" ? "mjs" : "cjs"}`;
    this.#files.set(name, dataModule(file.name, file.text, format));
    return name;
  }

  /** Removes names from imports and exports that are types in the other file: one file alone does not say so, and Node rejects them. */
  #removeTypes(module: LinkedModule): Edit[] {
    if (module.format !== "esm" || !module.isCompiled) return [];
    const removed = new Set<NamedReference>();
    for (const { reference, path } of module.links) {
      const target = this.#input.modules.get(path);
      const exported = target?.isCompiled && target.format === "esm" ? this.#exportsOf(target) : undefined;
      if (!exported) continue;
      for (const name of reference.names.filter(({ imported }) => !exported.has(imported))) {
        const again = reexportsOf(module, name);
        if (name.local !== undefined && again.length === 0) continue;
        for (const each of [name, ...again]) removed.add(each);
      }
    }
    return module.syntax.lists
      .filter((list) => list.some((name) => removed.has(name)))
      .map((list) => withoutNames(module.code, list, removed));
  }

  /** Returns the exports of a module; undefined if they depend on a package. */
  #exportsOf(module: LinkedModule): ReadonlySet<string> | undefined {
    if (this.#exports.has(module)) return this.#exports.get(module);
    const names = new Set(module.syntax.exported);
    // For a cycle of `export *`.
    this.#exports.set(module, names);
    for (const star of module.syntax.stars) {
      const link = module.links.find(({ reference }) => reference.specifier === star);
      const target = link && this.#input.modules.get(link.path);
      const more = target?.format === "esm" ? this.#exportsOf(target) : undefined;
      if (!more) {
        this.#exports.set(module, undefined);
        return undefined;
      }
      for (const name of more) if (name !== "default") names.add(name);
    }
    // A name that is exported from another file exists only if that file exports it.
    for (const { reference, path } of module.links) {
      const target = this.#input.modules.get(path);
      const others =
        target?.isCompiled && target.format === "esm" && target !== module ? this.#exportsOf(target) : undefined;
      if (!others) continue;
      for (const name of reference.names)
        if (!others.has(name.imported)) for (const gone of exportedAs(module, name)) names.delete(gone);
    }
    return names;
  }
}

/** Returns the exports of a module's own names that are an imported one. */
const reexportsOf = (module: LinkedModule, { local }: NamedReference): NamedReference[] =>
  local === undefined ? [] : ownExports(module).filter(({ imported }) => imported === local);

function ownExports({ syntax }: LinkedModule): NamedReference[] {
  const imports = new Set(syntax.references.flatMap(({ names }) => names));
  return syntax.lists.flat().filter((name) => name.local === undefined && !imports.has(name));
}

/** Returns the names under which a module exports an imported one. */
function exportedAs(module: LinkedModule, name: NamedReference): string[] {
  const exporting = name.local === undefined ? [name] : reexportsOf(module, name);
  return exporting.map(
    ({ start, end }) =>
      module.code
        .slice(start, end)
        .split(/\s+as\s+/)
        .at(-1) as string,
  );
}

/** Removes names of a list and keeps its lines. */
function withoutNames(code: string, list: readonly NamedReference[], removed: ReadonlySet<NamedReference>): Edit {
  const { start } = list[0] as NamedReference;
  const { end } = list.at(-1) as NamedReference;
  const left = list.filter((name) => !removed.has(name)).map((name) => code.slice(name.start, name.end));
  return { start, end, text: left.join(", ") + "\n".repeat(code.slice(start, end).split("\n").length - 1) };
}

/** Returns true if `require` finds the file as it is written in the user's own CommonJS file. */
const isNative = (module: LinkedModule, kind: string, name: string): boolean =>
  !module.isCompiled &&
  module.format === "cjs" &&
  kind === "require" &&
  /\.js(?:on)?$/.test(name) &&
  !isOutside(module.name);

function relativeSpecifier(from: string, to: string): string {
  const path = posix.relative(posix.dirname(from), to);
  return path.startsWith("../") ? path : `./${path}`;
}

function applyEdits(code: string, edits: readonly Edit[]): string {
  let result = code;
  const ordered = edits
    .map((edit, index) => ({ ...edit, index }))
    .sort((a, b) => b.start - a.start || b.index - a.index);
  for (const { start, end, text } of ordered) result = result.slice(0, start) + text + result.slice(end);
  return result;
}

/**
 * Returns a module that takes another name for a compiled one, such as that of its source, so that a path to it works: for a worker, or an import with a computed path.
 * Node runs `.ts` files, but only with extensions in all imports and without enums.
 */
export function standIn({ target, format, syntax }: LinkedModule, name: string): string {
  const specifier = JSON.stringify(relativeSpecifier(name, target));
  if (format === "cjs") return `module.exports = require(${specifier});\n`;
  const defaultExport = syntax.exported.has("default") ? `export { default } from ${specifier};\n` : "";
  return `export * from ${specifier};\n${defaultExport}`;
}
