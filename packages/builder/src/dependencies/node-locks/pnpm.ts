import { relative, resolve } from "node:path";
import { parse } from "yaml";
import {
  foreignAddress,
  type LockedModule,
  type LockInput,
  type ModuleGraph,
  type Needs,
  outOfDate,
  unsupported,
  versionsIn,
} from "./graph.ts";

interface Importer {
  readonly dependencies?: Readonly<Record<string, { specifier: string; version: string }>>;
  readonly optionalDependencies?: Readonly<Record<string, { specifier: string; version: string }>>;
}

interface Package {
  readonly version?: string;
  readonly resolution?: Readonly<Record<"integrity" | "tarball" | "type" | "repo" | "commit" | "directory", string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface PnpmLock extends Importer {
  readonly lockfileVersion?: string | number;
  readonly importers?: Readonly<Record<string, Importer>>;
  readonly packages?: Readonly<Record<string, Package>>;
  readonly snapshots?: Readonly<Record<string, Package>>;
  readonly patchedDependencies?: object;
}

/**
 * Reads a pnpm-lock.yaml of pnpm 8 or newer.
 *
 * @throws MANIFEST_INVALID
 */
export function readPnpmLock({ path, text, root, folder, manifestOf }: LockInput): ModuleGraph {
  // pnpm 11 and newer put a document about themselves before the lock file.
  const lock = parse(text.split(/^---\s*$/m).at(-1) ?? "") as PnpmLock | null;
  const format = Number(lock?.lockfileVersion);
  if (!lock || !(format >= 6)) throw unsupported(path, "lock files of pnpm 7 and older are not supported");
  if (lock.patchedDependencies) throw unsupported(path, "patched dependencies are not supported");
  const importerOf = (of: string): Importer => {
    const name = relative(root, of) || ".";
    return lock.importers?.[name] ?? (name === "." && !lock.importers ? lock : {});
  };
  const needsOf = (of: string): Needs => {
    const { dependencies = {}, optionalDependencies = {} } = importerOf(of);
    if (of === folder) checkSpecifiers(path, manifestOf(of), { ...dependencies, ...optionalDependencies });
    const ids = (list: NonNullable<Importer["dependencies"]>) =>
      new Map(Object.entries(list).map(([name, { version }]) => [name, idOf(name, version, of)]));
    return { required: ids(dependencies), optional: ids(optionalDependencies) };
  };
  const find = (id: string): LockedModule | undefined => {
    if (id.startsWith("link:")) return localModule(id, id.slice("link:".length), manifestOf, needsOf);
    const snapshot = lock.snapshots?.[id] ?? inFormat6(lock, id);
    const found = lock.packages?.[withoutPeers(id)] ?? snapshot;
    if (!found || !snapshot) return undefined;
    const { name, version } = splitId(withoutPeers(id));
    const { type, directory, tarball, repo, commit, integrity } = found.resolution ?? ({} as never);
    const ids = (list: Package["dependencies"]) =>
      new Map(Object.entries(list ?? {}).map(([alias, each]) => [alias, idOf(alias, each, root)]));
    const needs = { required: ids(snapshot.dependencies), optional: ids(snapshot.optionalDependencies) };
    if (type === "directory") return { ...localModule(id, resolve(root, directory), manifestOf, needsOf), name, needs };
    return {
      id,
      name,
      version: found.version ?? version,
      resolved: type === "git" ? `git+${repo.replace(/^git\+/, "")}#${commit}` : foreignAddress(tarball),
      integrity,
      platforms: { os: found.os, cpu: found.cpu, libc: found.libc },
      needs,
    };
  };
  return { needsOf, find };
}

/** Finds a package in the format of pnpm 8, which has no snapshots. */
const inFormat6 = ({ packages = {} }: PnpmLock, id: string): Package | undefined =>
  packages[id] ?? packages[`/${id}`] ?? packages[id.replace(/^.+@(?=file:)/, "")];

function localModule(
  id: string,
  folder: string,
  manifestOf: LockInput["manifestOf"],
  needsOf: (folder: string) => Needs,
): LockedModule {
  const { name = "", version = "0.0.0" } = manifestOf(folder) as { name?: string; version?: string };
  return { id, name, version, folder, needs: needsOf(folder) };
}

/** Names the package of a dependency: `version` is one of the name itself, of another package, or a path. */
function idOf(name: string, version: string, folder: string): string {
  if (version.startsWith("link:")) return `link:${resolve(folder, version.slice("link:".length))}`;
  const bare = version.replace(/^\//, "");
  return /^@?[^@(:]+@/.test(bare) ? bare : `${name}@${bare}`;
}

const withoutPeers = (id: string) => id.replace(/\(.*$/, "");

function splitId(id: string): { name: string; version: string } {
  const at = id.indexOf("@", 1);
  return { name: id.slice(0, at), version: id.slice(at + 1) };
}

function checkSpecifiers(
  path: string,
  manifest: Readonly<Record<string, unknown>>,
  locked: NonNullable<Importer["dependencies"]>,
): void {
  const wanted = { ...versionsIn(manifest, "dependencies"), ...versionsIn(manifest, "optionalDependencies") };
  for (const [name, specifier] of Object.entries(wanted))
    if (locked[name]?.specifier !== specifier) throw outOfDate(path, `${name}@${specifier}`, "pnpm install");
}
