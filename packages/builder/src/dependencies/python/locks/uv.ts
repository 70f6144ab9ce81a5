import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readOptionalText, readToml } from "../../../source/manifest.ts";
import { markerOf } from "../condition.ts";
import { type Dependency, findReachable, type GraphPackage } from "../graph.ts";
import { normalizeName, parseRequirement } from "../requirement.ts";
import { type Table, tableAt, tablesOf, textOf, textsOf } from "../table.ts";
import { type Lock, type LockedPackage, needsExport, outdated } from "./lock.ts";

/**
 * Reads the uv.lock of a folder, or of the workspace that it belongs to, for the project's own dependencies.
 *
 * @throws MANIFEST_INVALID
 */
export async function readUvLock(folder: string, pyproject: Table): Promise<Lock | undefined> {
  for (let root = folder; ; root = dirname(root)) {
    const path = join(root, "uv.lock");
    const text = await readOptionalText(path);
    if (text !== undefined) {
      const packages = tablesOf((await readToml(text, path)).package).map(graphPackage);
      const own = packages.find(({ source }) => isAt(source, root, folder));
      if (own && isOutdated(own.table, pyproject)) throw outdated(path, join(folder, "pyproject.toml"), "uv");
      if (own) return lockOf(own, packages, root);
      if (root === folder) throw needsExport(path, `it has no package for ${join(folder, "pyproject.toml")}`, "uv");
    }
    // A workspace is within one repository.
    if (root === dirname(root) || existsSync(join(root, ".git"))) return undefined;
  }
}

interface UvPackage extends GraphPackage {
  readonly table: Table;
}

function lockOf(own: UvPackage, packages: readonly UvPackage[], root: string): Lock {
  const found = [...findReachable(packages, own.dependencies)].filter(
    ([each]) => each !== own && tableAt(each.source).virtual === undefined,
  );
  return {
    packages: found.map(([{ table }, condition]) => lockedPackage(table, markerOf(condition), root)),
    indexes: found.flatMap(([{ source }]) => {
      const index = textOf(tableAt(source).registry);
      if (index === undefined) return [];
      return index.includes("://") ? [index] : [resolve(root, index)];
    }),
  };
}

const isAt = (source: unknown, root: string, folder: string) => {
  const { virtual, editable, directory } = tableAt(source);
  const path = textOf(virtual ?? editable ?? directory);
  return path !== undefined && resolve(root, path) === folder;
};

function graphPackage(table: Table): UvPackage {
  const extras = Object.entries(tableAt(table, "optional-dependencies")).map(
    ([extra, list]): [string, Dependency[]] => [normalizeName(extra), dependenciesOf(list)],
  );
  return {
    table,
    name: String(table.name),
    version: String(table.version ?? ""),
    source: table.source,
    dependencies: dependenciesOf(table.dependencies),
    extras: new Map(extras),
  };
}

const dependenciesOf = (list: unknown): Dependency[] =>
  tablesOf(list).map(({ name, version, source, extra, marker }) => ({
    name: String(name),
    extras: textsOf(extra),
    marker: textOf(marker),
    // Both are missing if the lock file has the package only once.
    accepts: (otherVersion, otherSource) =>
      (version === undefined || version === otherVersion) &&
      (source === undefined || JSON.stringify(source) === JSON.stringify(otherSource)),
  }));

function lockedPackage(table: Table, marker: string | undefined, root: string): LockedPackage {
  const name = String(table.name);
  const files = [tableAt(table, "sdist"), ...tablesOf(table.wheels)];
  const hashes = files.flatMap(({ hash }) => textOf(hash) ?? []);
  const { git, url, path, directory, editable } = tableAt(table, "source");
  const common = { name, marker, hashes };
  if (typeof git === "string") return { ...common, git: gitSource(git), hashes: [] };
  if (typeof url === "string") return { ...common, url };
  const folder = textOf(directory ?? editable);
  if (folder !== undefined) return { ...common, path: resolve(root, folder), hashes: [] };
  if (typeof path === "string") return { ...common, path: resolve(root, path) };
  return { ...common, version: textOf(table.version) };
}

/** Reads `https://host/repository?subdirectory=a&rev=main#commit`. */
function gitSource(text: string) {
  const [, url = text, query = "", revision] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/.exec(text) ?? [];
  return { url, revision, subdirectory: new URLSearchParams(query).get("subdirectory") ?? undefined };
}

/** Compares the requirements that uv has locked with those of the manifest, without their markers, which uv rewrites. */
function isOutdated(own: Table, pyproject: Table): boolean {
  const project = tableAt(pyproject, "project");
  if (textsOf(project.dynamic).includes("dependencies")) return false;
  const sources = new Set(Object.keys(tableAt(pyproject, "tool", "uv", "sources")).map(normalizeName));
  const key = (name: string, extras: readonly string[], versions: string, isElsewhere: boolean) => {
    const clauses = versions
      .toLowerCase()
      .replaceAll(/\s/g, "")
      .split(",")
      .filter((each) => each !== "");
    const id = normalizeName(name);
    return isElsewhere || sources.has(id)
      ? id
      : `${id}[${extras.map(normalizeName).sort().join()}]${clauses.sort().join()}`;
  };
  const wanted = textsOf(project.dependencies).map((each) => {
    const { name = each, extras = [], versions = "", url } = parseRequirement(each) ?? {};
    return key(name, extras, versions, url !== undefined);
  });
  const locked = tablesOf(tableAt(own, "metadata")["requires-dist"])
    .filter(({ marker }) => !/\bextra ==/.test(textOf(marker) ?? ""))
    .map(({ name, extras, specifier, ...source }) => {
      const isElsewhere = ["git", "url", "path", "directory", "editable", "virtual"].some((each) => each in source);
      return key(String(name), textsOf(extras), textOf(specifier) ?? "", isElsewhere);
    });
  const names = (keys: readonly string[]) => [...new Set(keys)].sort().join(" ");
  return names(wanted) !== names(locked);
}
