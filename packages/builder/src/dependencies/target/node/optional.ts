import type { InstalledModule, ModuleManifest } from "./modules.ts";

/** Dependencies between installed packages. */
export interface ModuleTree {
  readonly modules: ReadonlyMap<string, InstalledModule>;
  /** Manifest of the installation. */
  readonly root: ModuleManifest;
}

/** Finds the package that a name means in the code of another one; undefined if it is not installed. */
export function findModule(tree: ModuleTree, from: string, name: string): InstalledModule | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const found = tree.modules.get(folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`);
    if (found || folder === "") return found;
  }
}

/**
 * Finds the packages that npm removes when the scripts of an optional one fail: those that need it, and those that only they need. Undefined if the
 * function itself needs it.
 */
export function optionalSet(tree: ModuleTree, path: string): ReadonlySet<string> | undefined {
  const needs = needsOf(tree);
  const removed = new Set([path]);
  for (const each of removed) {
    for (const [from, { required }] of needs) {
      if (!required.has(each)) continue;
      if (from === "") return undefined;
      removed.add(from);
    }
  }
  let before: number;
  do {
    before = removed.size;
    for (const each of tree.modules.keys()) {
      const users = [...needs].filter(([, { required, optional }]) => required.has(each) || optional.has(each));
      if (users.length > 0 && users.every(([from]) => removed.has(from))) removed.add(each);
    }
  } while (removed.size > before);
  return removed;
}

interface ModuleNeeds {
  readonly required: ReadonlySet<string>;
  readonly optional: ReadonlySet<string>;
}

/** Returns the installed packages that each package needs, by path; the function's own by an empty one. */
function needsOf(tree: ModuleTree): ReadonlyMap<string, ModuleNeeds> {
  const needs = (path: string, manifest: ModuleManifest): ModuleNeeds => {
    const resolve = (names: Iterable<string>) =>
      new Set([...names].flatMap((name) => findModule(tree, path, name)?.path ?? []));
    const optionalNames = new Set([...namesIn(manifest, "optionalDependencies"), ...optionalPeers(manifest)]);
    const names = [...namesIn(manifest, "dependencies"), ...namesIn(manifest, "peerDependencies")];
    return { required: resolve(names.filter((name) => !optionalNames.has(name))), optional: resolve(optionalNames) };
  };
  const all = Array.from(tree.modules.values(), (each): [string, ModuleNeeds] => [
    each.path,
    needs(each.path, each.manifest),
  ]);
  return new Map([["", needs("", tree.root)], ...all]);
}

/** Lists the names in a field of a manifest. */
export const namesIn = (manifest: ModuleManifest, field: string): readonly string[] => {
  const table = manifest[field];
  return typeof table === "object" && table !== null ? Object.keys(table) : [];
};

const optionalPeers = (manifest: ModuleManifest): string[] => {
  const meta = (manifest.peerDependenciesMeta ?? {}) as Readonly<Record<string, { optional?: unknown } | undefined>>;
  return Object.keys(meta).filter((name) => meta[name]?.optional === true);
};
