import { createHash } from "node:crypto";
import { cp, lstat, mkdir, readdir, readFile, readlink, realpath, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { unreadable } from "../source/source.ts";
import { readManifest } from "./workspace.ts";

/** Packages that a manifest names by a path (`file:../lib`) rather than by a version. */
export interface LocalPackages {
  readonly folder: string;
  /** Absolute paths of folders and archives. */
  readonly paths: readonly string[];
  /** Digest of their contents: an installation depends on it. */
  readonly digest: string;
  /** Text of the `package.json` of folders, for the installation. */
  readonly manifests?: ReadonlyMap<string, string>;
}

type Manifest = Readonly<Record<string, unknown>>;

/**
 * Finds the local packages among dependencies, and those that they depend on in turn.
 *
 * @param installed - creates the `package.json` of a local package for the installation
 * @throws SOURCE_UNREADABLE if one is missing
 */
export async function findLocalPackages(
  folder: string,
  dependencies: Readonly<Record<string, string>>,
  installed: (manifest: Manifest, folder: string) => Manifest,
): Promise<LocalPackages> {
  const manifests = new Map<string, string>();
  const paths = new Set<string>();
  const collect = async (from: string, versions: Readonly<Record<string, string>>): Promise<void> => {
    for (const target of localPaths(from, versions)) {
      if (paths.has(target)) continue;
      paths.add(target);
      const found = await stat(target).catch((error) => {
        throw unreadable(`${target}, a dependency of ${from}`, error);
      });
      const own = found.isDirectory() && target !== folder ? await readManifest(target) : undefined;
      if (!own) continue;
      const manifest = installed(own, target);
      manifests.set(target, `${JSON.stringify(manifest, null, 2)}\n`);
      await collect(target, dependenciesOf(manifest));
    }
  };
  await collect(folder, dependencies);
  paths.delete(folder);
  const digests = await Promise.all([...paths].map(async (path) => [relative(folder, path), await treeDigest(path)]));
  const texts = Array.from(manifests, ([path, text]) => [relative(folder, path), text]);
  return { folder, paths: [...paths], digest: JSON.stringify([digests, texts]), manifests };
}

/** Lists the paths that dependencies name. */
function localPaths(folder: string, dependencies: Readonly<Record<string, string>>): string[] {
  return Object.values(dependencies).flatMap((version) => {
    const [, path] = /^(?:file:|link:)(?!\/\/)(.+)$/.exec(version) ?? /^(\.{1,2}\/.+)$/.exec(version) ?? [];
    return path === undefined ? [] : [resolve(folder, path)];
  });
}

/** Returns the dependencies that are installed, by name. */
export const dependenciesOf = (manifest: Manifest): Readonly<Record<string, string>> => ({
  ...(manifest.dependencies as Record<string, string> | undefined),
  ...(manifest.optionalDependencies as Record<string, string> | undefined),
});

/** Copies local packages, keeping their relative paths, and returns the path of the function's own folder among them. */
export async function copyLocalPackages({ folder, paths, manifests }: LocalPackages, target: string): Promise<string> {
  if (paths.length === 0) return target;
  const root = paths.reduce((common, path) => commonFolder(common, path), folder);
  const copyPath = (path: string) => join(target, "local", relative(root, path));
  await mkdir(copyPath(folder), { recursive: true });
  for (const path of paths) {
    await cp(path, copyPath(path), { recursive: true, filter: (from) => from === path || !isExcluded(basename(from)) });
  }
  for (const [path, text] of manifests ?? []) await writeFile(join(copyPath(path), "package.json"), text);
  return copyPath(folder);
}

/** Replaces links to packages, which npm makes for some lock files, by the packages: a bundle must be self-contained. */
export async function resolveLinks(modules: string): Promise<void> {
  const names = await readdir(modules).catch(() => []);
  for (const name of names.filter((each) => !each.startsWith("."))) {
    const path = join(modules, name);
    if (name.startsWith("@")) await resolveLinks(path);
    else if ((await lstat(path)).isSymbolicLink()) {
      const target = await realpath(path);
      await rm(path);
      await cp(target, path, { recursive: true });
    }
  }
}

/** Returns the SHA-256 of the names and contents of a file or folder, without installed packages. */
export async function treeDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  const add = async (each: string): Promise<void> => {
    const found = await lstat(each);
    hash.update(`${relative(path, each)}\0`);
    if (found.isDirectory()) {
      for (const name of (await readdir(each)).sort()) if (!isExcluded(name)) await add(join(each, name));
    } else if (found.isSymbolicLink()) hash.update(await readlink(each));
    else if (found.isFile()) hash.update(await readFile(each));
  };
  await add(path);
  return hash.digest("hex");
}

const isExcluded = (name: string) => /^(node_modules|\.git|\.venv|__pycache__)$/.test(name);

function commonFolder(a: string, b: string): string {
  return b === a || b.startsWith(`${a}/`) ? a : commonFolder(dirname(a), b);
}
