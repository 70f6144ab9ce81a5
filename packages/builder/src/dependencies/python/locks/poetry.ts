import { join, resolve } from "node:path";
import { readOptionalText, readToml } from "../../../source/manifest.ts";
import { markerOf } from "../condition.ts";
import { type Dependency, findReachable, type GraphPackage } from "../graph.ts";
import { poetryDependencies } from "../poetry-dependency.ts";
import { normalizeName, parseRequirement } from "../requirement.ts";
import { isTable, type Table, tableAt, tablesOf, textOf, textsOf } from "../table.ts";
import { matchesVersions } from "../version.ts";
import { contentHash } from "./content-hash.ts";
import { type Lock, type LockedPackage, outdated } from "./lock.ts";

/**
 * Reads a poetry.lock, for the project's main dependencies.
 *
 * @throws MANIFEST_INVALID
 */
export async function readPoetryLock(folder: string, pyproject: Table): Promise<Lock | undefined> {
  const path = join(folder, "poetry.lock");
  const text = await readOptionalText(path);
  if (text === undefined) return undefined;
  const lock = await readToml(text, path);
  const hash = textOf(tableAt(lock, "metadata")["content-hash"]);
  if (hash !== undefined && !contentHashes(pyproject).includes(hash))
    throw outdated(path, join(folder, "pyproject.toml"), "poetry");
  const packages = tablesOf(lock.package);
  const files = tableAt(lock, "metadata", "files");
  const chosen = packages.every((each) => Array.isArray(each.groups))
    ? withGroups(packages)
    : reachable(packages, pyproject);
  return {
    packages: chosen.map(([each, marker]) => lockedPackage(each, marker, files, folder)),
    indexes: chosen.flatMap(([each]) => {
      const { type, url } = tableAt(each, "source");
      return type === "legacy" && typeof url === "string" ? [url] : [];
    }),
  };
}

/** Hashes of the manifest as different versions of Poetry compute them. */
function contentHashes(pyproject: Table): string[] {
  const poetry = tableAt(pyproject, "tool", "poetry");
  const project = pick(tableAt(pyproject, "project"), ["requires-python", "dependencies", "optional-dependencies"]);
  const allGroups = tableAt(pyproject, "dependency-groups");
  const legacy = ["dependencies", "source", "extras", "dev-dependencies"];
  return [allGroups, {}].map((groups) => {
    const hasProject = Object.keys(project).length > 0;
    const hasGroups = Object.keys(groups).length > 0;
    const own = pick(poetry, [...legacy, "group"]);
    if (!hasProject && !hasGroups)
      return contentHash({ ...Object.fromEntries(legacy.map((key) => [key, null])), ...own });
    return contentHash({
      ...(hasProject ? { project } : {}),
      ...(hasGroups ? { "dependency-groups": groups } : {}),
      tool: { poetry: own },
    });
  });
}

const pick = (table: Table, keys: readonly string[]): Table =>
  Object.fromEntries(keys.filter((key) => table[key] !== undefined).map((key) => [key, table[key]]));

/** Chooses the packages of the main group; since Poetry 2, a lock file has the condition of each. */
function withGroups(packages: readonly Table[]): [Table, marker: string | undefined][] {
  return packages
    .filter(({ groups }) => textsOf(groups).includes("main"))
    .map((each) => [each, textOf(isTable(each.markers) ? each.markers.main : each.markers)]);
}

/** Chooses the packages that the main dependencies lead to. */
function reachable(packages: readonly Table[], pyproject: Table): [Table, marker: string | undefined][] {
  const nodes = packages.map(graphPackage);
  const poetry = tableAt(pyproject, "tool", "poetry");
  const own = { ...tableAt(poetry, "dependencies"), ...tableAt(poetry, "group", "main", "dependencies") };
  const inProject = textsOf(tableAt(pyproject, "project").dependencies).flatMap((each) => parseRequirement(each) ?? []);
  const roots = [
    ...inProject.map((each) => ({ ...each, accepts: (version: string) => matchesVersions(version, each.versions) })),
    ...dependenciesOf(own),
  ];
  return Array.from(findReachable(nodes, roots), ([{ table }, condition]) => [table, markerOf(condition)]);
}

interface PoetryPackage extends GraphPackage {
  readonly table: Table;
}

function graphPackage(table: Table): PoetryPackage {
  const all = tableAt(table, "dependencies");
  const names = Object.entries(tableAt(table, "extras")).map(([extra, list]): [string, Set<string>] => [
    normalizeName(extra),
    new Set(textsOf(list).flatMap((each) => parseRequirement(each)?.name ?? [])),
  ]);
  const extras = names.map(([extra, members]): [string, Dependency[]] => {
    const chosen = Object.entries(all).filter(([name]) => members.has(normalizeName(name)));
    return [extra, dependenciesOf(Object.fromEntries(chosen), true)];
  });
  return {
    table,
    name: String(table.name),
    version: String(table.version),
    source: table.source,
    dependencies: dependenciesOf(all),
    extras: new Map(extras),
  };
}

/** Reads dependencies. Those of an extra are optional, and their condition names the extra. */
function dependenciesOf(table: Table, ofExtra = false): Dependency[] {
  const required = ofExtra ? withoutOptional(table) : table;
  return poetryDependencies(required).map(({ name, extras, marker, versions }) => ({
    name,
    extras,
    marker: ofExtra ? withoutExtra(marker) : marker,
    accepts: (version) => versions.some((each) => matchesVersions(version, each)),
  }));
}

const withoutOptional = (table: Table): Table =>
  Object.fromEntries(
    Object.entries(table).map(([name, value]) => [
      name,
      [value].flat().map((each) => (isTable(each) ? { ...each, optional: false } : each)),
    ]),
  );

/** Removes the name of the extra from a condition. */
function withoutExtra(marker: string | undefined): string | undefined {
  const clause = 'extra == "[^"]*"(?: or extra == "[^"]*")*';
  const rest = marker
    ?.replaceAll(new RegExp(String.raw`(?: and )?\(?${clause}\)?$|^\(?${clause}\)?(?: and )?`, "g"), "")
    .trim();
  return rest === "" ? undefined : rest;
}

function lockedPackage(each: Table, marker: string | undefined, allFiles: Table, folder: string): LockedPackage {
  const name = String(each.name);
  const { type, url, resolved_reference: revision, subdirectory } = tableAt(each, "source");
  const files = tablesOf(each.files).length > 0 ? tablesOf(each.files) : tablesOf(allFiles[name]);
  const hashes = files.flatMap(({ hash }) => textOf(hash) ?? []);
  const common = { name, marker, hashes };
  const location = String(url);
  if (type === "git")
    return { ...common, git: { url: location, revision: textOf(revision), subdirectory: textOf(subdirectory) } };
  if (type === "directory") return { ...common, path: resolve(folder, location), hashes: [] };
  if (type === "file") return { ...common, path: resolve(folder, location) };
  if (type === "url") return { ...common, url: location };
  return { ...common, version: String(each.version) };
}
