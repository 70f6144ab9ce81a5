import { posix, relative } from "node:path";

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

interface Lock {
  readonly lockfileVersion?: number;
  readonly packages?: Readonly<Record<string, LockedPackage>>;
}

/** Workspace's lock file with the folder that gets a lock file of its own. */
interface WorkspaceLock {
  /** Text of the root's `package-lock.json`. */
  readonly text: string;
  readonly root: string;
  readonly folder: string;
  /** `package.json` of the installation. */
  readonly manifest: Readonly<Record<string, unknown>>;
}

/**
 * Creates the lock file of one package of a workspace from the root's: the same versions, with the package as the root of the tree. Returns
 * undefined if the root's has no tree (npm 6) or does not have the package.
 */
export function lockOfPackage({ text, root, folder, manifest }: WorkspaceLock): string | undefined {
  const { lockfileVersion = 1, packages } = JSON.parse(text) as Lock;
  const start = relative(root, folder);
  if (lockfileVersion < 2 || !packages?.[start]) return undefined;
  const tree = new Tree(packages, (path) => relative(folder, `${root}/${path}`));
  const { name, version, dependencies, optionalDependencies } = manifest;
  // The manifest of the installation has the packages of the workspace at the top, also those that only others need.
  tree.placeAll(start, "", Object.keys(dependencies ?? {}));
  const own = { name, version, dependencies, optionalDependencies };
  return JSON.stringify(
    { name, version, lockfileVersion: 3, requires: true, packages: { "": own, ...tree.placed } },
    null,
    2,
  );
}

/** New tree of packages. A package is placed at the top if its name is free there, and else below the one that needs it. */
class Tree {
  readonly placed: Record<string, LockedPackage> = {};
  readonly #origins = new Map<string, string>();
  readonly #packages: Readonly<Record<string, LockedPackage>>;
  readonly #fromFolder: (path: string) => string;

  constructor(packages: Readonly<Record<string, LockedPackage>>, fromFolder: (path: string) => string) {
    this.#packages = packages;
    this.#fromFolder = fromFolder;
  }

  /** Places the dependencies of a package, which is at `origin` in the root's tree and at `location` in the new one. */
  placeAll(origin: string, location: string, more: readonly string[] = []): void {
    const { dependencies, optionalDependencies, peerDependencies } = this.#packages[origin] ?? {};
    const placed: [origin: string, path: string][] = [];
    const names = Object.keys({ ...peerDependencies, ...optionalDependencies, ...dependencies });
    for (const name of [...names, ...more]) {
      const found = this.#resolve(origin, name);
      if (found !== undefined && !this.#isPlaced(name, found, location))
        placed.push([found, this.#place(name, found, location)]);
    }
    // Afterwards: the dependencies of the function itself have to be at the top.
    for (const [found, path] of placed) this.placeAll(found, path);
  }

  #place(name: string, origin: string, location: string): string {
    const top = `node_modules/${name}`;
    const path = this.#origins.has(top) ? posix.join(location, top) : top;
    this.#origins.set(path, origin);
    const { dev: _, devDependencies: __, workspaces: ___, ...entry } = this.#packages[origin] as LockedPackage;
    const isLocal = !origin.includes("node_modules/");
    this.placed[path] = isLocal
      ? {
          version: "0.0.0",
          ...entry,
          resolved: `file:${this.#fromFolder(origin)}`,
          dependencies: this.#withVersions(entry.dependencies),
        }
      : entry;
    return path;
  }

  /** Replaces the ranges of packages of the workspace by their versions, as in their manifests for the installation. */
  #withVersions(dependencies: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
    const entries = Object.entries(dependencies ?? {});
    return Object.fromEntries(
      entries.map(([name, range]) => {
        const local = this.#packages[`node_modules/${name}`];
        return [name, local?.link ? (this.#packages[String(local.resolved)]?.version ?? "0.0.0") : range];
      }),
    );
  }

  /** Finds a dependency in the root's tree as Node does, from the inside out. */
  #resolve(origin: string, name: string): string | undefined {
    for (let from = origin; ; from = parentOf(from)) {
      const path = posix.join(from, "node_modules", name);
      const found = this.#packages[path];
      if (found) return found.link ? String(found.resolved) : path;
      if (from === "") return undefined;
    }
  }

  /** Returns true if the new tree has the package for the one at a location. */
  #isPlaced(name: string, origin: string, location: string): boolean {
    for (let from = location; ; from = parentOf(from)) {
      const found = this.#origins.get(posix.join(from, "node_modules", name));
      if (found !== undefined) return found === origin;
      if (from === "") return false;
    }
  }
}

/** Returns the path of the package that contains another one; of a package in a folder of its own, the root. */
function parentOf(path: string): string {
  const end = path.lastIndexOf("/node_modules/");
  return end < 0 ? "" : path.slice(0, end);
}
