import { posix, relative } from "node:path";
import type { LockedModule, ModuleGraph, Needs } from "./graph.ts";

/** Manifest and lock file of npm with the versions of another package manager's lock file. */
export interface NpmLock {
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly text: string;
}

interface PlacedModule {
  readonly path: string;
  readonly module: LockedModule;
  /** True while only optional dependencies lead to it. */
  isOptional: boolean;
}

/**
 * Creates npm's lock file. Each dependency has an exact version in it, so that npm accepts it as it is.
 *
 * @param manifest - manifest of the installation, with local packages by their path
 */
export function createNpmLock(
  graph: ModuleGraph,
  folder: string,
  manifest: Readonly<Record<string, unknown>>,
): NpmLock {
  const tree = new ModuleTree(graph);
  const needs = graph.needsOf(folder);
  tree.place(needs);
  // The packages of the workspace that only others need are at the top too.
  for (const [name, version] of Object.entries((manifest.dependencies ?? {}) as Record<string, string>))
    if (version.startsWith("file:") && !tree.placed.has(`node_modules/${name}`)) tree.placeLocal(name, folder, version);
  const specOf = (name: string): string => {
    const found = tree.placed.get(`node_modules/${name}`)?.module;
    if (!found) return "*";
    return found.folder === undefined ? exactVersion(name, found) : `file:${relative(folder, found.folder)}`;
  };
  const names = (list: Iterable<string>) => Object.fromEntries([...list].map((name) => [name, specOf(name)]));
  const optional = new Set([...needs.optional.keys()].filter((name) => tree.placed.has(`node_modules/${name}`)));
  const top = Object.keys((manifest.dependencies ?? {}) as object).filter((name) =>
    tree.placed.has(`node_modules/${name}`),
  );
  const own = {
    name: manifest.name,
    version: manifest.version,
    dependencies: names([...needs.required.keys(), ...top].filter((name) => !optional.has(name))),
    optionalDependencies: names(optional),
  };
  const packages = Object.fromEntries(
    Array.from(tree.placed.values(), (each) => [each.path, lockEntry(each, graph, folder)]),
  );
  const lock = { ...own, lockfileVersion: 3, requires: true, packages: { "": own, ...packages } };
  const { peerDependencies: _, overrides: __, devDependencies: ___, ...rest } = manifest;
  return { manifest: { ...rest, ...own }, text: `${JSON.stringify(lock, null, 2)}\n` };
}

/** Tree of `node_modules`. A package is at the top if its name is free there, and else below the one that needs it. */
class ModuleTree {
  readonly placed = new Map<string, PlacedModule>();
  readonly #graph: ModuleGraph;

  constructor(graph: ModuleGraph) {
    this.#graph = graph;
  }

  /** Places dependencies of the package at a location. */
  place({ required, optional }: Needs, location = "", isOptional = false): void {
    const next: PlacedModule[] = [];
    for (const [list, isOptionalList] of [
      [required, false],
      [optional, true],
    ] as const)
      for (const [name, id] of list) {
        const module = this.#graph.find(id);
        // An optional package that is not for any system of the lock file is not in it.
        if (module) this.#add(name, module, location, isOptional || isOptionalList, next);
      }
    // Afterwards: the dependencies of the function itself have to be at the top.
    for (const { module, path, isOptional: each } of next) this.place(module.needs, path, each);
  }

  /** Places a local package that the lock file does not have, with the dependencies of its folder. */
  placeLocal(name: string, from: string, version: string): void {
    const folder = posix.resolve(from, version.slice("file:".length));
    const path = `node_modules/${name}`;
    const module = { id: folder, name, version: "0.0.0", folder, needs: this.#graph.needsOf(folder) };
    this.placed.set(path, { path, module, isOptional: false });
    this.place(module.needs, path);
  }

  #add(name: string, module: LockedModule, location: string, isOptional: boolean, next: PlacedModule[]): void {
    const existing = this.#findFrom(name, location);
    if (existing?.module.id === module.id) {
      if (!existing.isOptional || isOptional) return;
      existing.isOptional = false;
      next.push(existing);
      return;
    }
    const top = `node_modules/${name}`;
    const path = this.placed.has(top) ? posix.join(location, top) : top;
    const placed = { path, module, isOptional };
    this.placed.set(path, placed);
    next.push(placed);
  }

  /** Finds the package that a name means at a location. */
  #findFrom(name: string, location: string): PlacedModule | undefined {
    for (let from = location; ; from = from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/")))) {
      const found = this.placed.get(posix.join(from, "node_modules", name));
      if (found || from === "") return found;
    }
  }
}

/** Returns the version that npm accepts for exactly this package. */
function exactVersion(alias: string, { name, version, resolved, folder }: LockedModule): string {
  if (folder !== undefined) return version;
  if (resolved !== undefined && !/^https?:.*\/-\//.test(resolved)) return resolved;
  return alias === name ? version : `npm:${name}@${version}`;
}

function lockEntry({ path, module, isOptional }: PlacedModule, graph: ModuleGraph, folder: string): object {
  const alias = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const versions = (list: ReadonlyMap<string, string>) =>
    Object.fromEntries(
      Array.from(list, ([name, id]): [string, LockedModule | undefined] => [name, graph.find(id)]).flatMap(
        ([name, found]) => (found ? [[name, exactVersion(name, found)]] : []),
      ),
    );
  const { name, version, resolved, integrity, platforms, folder: local, needs } = module;
  return {
    ...(alias === name ? {} : { name }),
    version,
    resolved: local === undefined ? resolved : `file:${relative(folder, local)}`,
    integrity,
    ...platforms,
    ...(isOptional ? { optional: true } : {}),
    dependencies: versions(needs.required),
    optionalDependencies: versions(needs.optional),
  };
}
