import { join, resolve } from "node:path";
import { readOptionalText, readToml } from "../../../source/manifest.ts";
import { ALWAYS, andMarker, type Condition, either, markerOf } from "../condition.ts";
import { type Dependency, findReachable, type GraphPackage } from "../graph.ts";
import { normalizeName, parseRequirement } from "../requirement.ts";
import { type Table, tableAt, tablesOf, textOf, textsOf } from "../table.ts";
import { matchesVersions } from "../version.ts";
import { contentHash } from "./content-hash.ts";
import { type Lock, type LockedPackage, outdated } from "./lock.ts";

/**
 * Reads a pdm.lock, for the project's default dependencies.
 *
 * @throws MANIFEST_INVALID
 */
export async function readPdmLock(folder: string, pyproject: Table): Promise<Lock | undefined> {
  const path = join(folder, "pdm.lock");
  const text = await readOptionalText(path);
  if (text === undefined) return undefined;
  const lock = await readToml(text, path);
  const hash = textOf(tableAt(lock, "metadata").content_hash);
  if (hash?.startsWith("sha256:") && hash !== `sha256:${pdmHash(pyproject)}`)
    throw outdated(path, join(folder, "pyproject.toml"), "pdm");
  const packages = tablesOf(lock.package);
  const chosen = textsOf(tableAt(lock, "metadata").strategy).includes("inherit_metadata")
    ? withGroups(packages)
    : reachable(packages, pyproject);
  const sources = tablesOf(tableAt(pyproject, "tool", "pdm").source);
  return {
    packages: Array.from(chosen, ([each, condition]) => lockedPackage(each, markerOf(condition), folder)),
    indexes: sources.flatMap(({ url, type }) => {
      const address = textOf(url)?.replaceAll(/\$\{PROJECT_ROOT\}/g, () => folder);
      if (address === undefined) return [];
      return type === "find_links" ? [address.replace(/^file:\/\//, "")] : [address];
    }),
  };
}

function pdmHash(pyproject: Table): string {
  const project = tableAt(pyproject, "project");
  const settings = tableAt(pyproject, "tool", "pdm");
  const groups: Record<string, unknown[]> = {};
  for (const table of [tableAt(pyproject, "dependency-groups"), tableAt(settings, "dev-dependencies")])
    for (const [name, list] of Object.entries(table))
      groups[normalizeName(name)] = [...(groups[normalizeName(name)] ?? []), ...(Array.isArray(list) ? list : [])];
  return contentHash({
    sources: settings.source ?? [],
    dependencies: project.dependencies ?? [],
    "dev-dependencies": groups,
    "optional-dependencies": project["optional-dependencies"] ?? {},
    "requires-python": project["requires-python"] ?? "",
    resolution: settings.resolution ?? {},
  });
}

/** Identifies a package: the lock file lists it once more for each combination of extras. */
const idOf = ({ name, version }: Table) => `${name} ${version}`;

/** Chooses the packages of the default group; the lock file has the condition of each. */
function withGroups(packages: readonly Table[]): Map<Table, Condition> {
  const byId = Map.groupBy(
    packages.filter(({ groups }) => textsOf(groups).includes("default")),
    idOf,
  );
  return new Map(
    Array.from(byId.values(), (same) => {
      const conditions = same.map(({ marker }) => andMarker(ALWAYS, textOf(marker)));
      return [withFiles(same), conditions.reduce(either, [])];
    }),
  );
}

/** Chooses the packages that the project's dependencies lead to. */
function reachable(packages: readonly Table[], pyproject: Table): Map<Table, Condition> {
  const nodes = Array.from(Map.groupBy(packages, idOf).values(), (same): PdmPackage => {
    const table = withFiles(same);
    const extras = same.flatMap((each) =>
      textsOf(each.extras).map((extra): [string, Dependency[]] => [
        normalizeName(extra),
        dependenciesOf(each.dependencies),
      ]),
    );
    const base = same.find((each) => textsOf(each.extras).length === 0);
    return {
      table,
      name: String(table.name),
      version: String(table.version),
      source: undefined,
      dependencies: dependenciesOf(base?.dependencies),
      extras: new Map(extras),
    };
  });
  const found = findReachable(nodes, dependenciesOf(tableAt(pyproject, "project").dependencies));
  return new Map(Array.from(found, ([{ table }, condition]) => [table, condition]));
}

interface PdmPackage extends GraphPackage {
  readonly table: Table;
}

/** Returns the entry without extras, or else the first one. */
const withFiles = (same: readonly Table[]): Table =>
  same.find((each) => textsOf(each.extras).length === 0) ?? (same[0] as Table);

const dependenciesOf = (list: unknown): Dependency[] =>
  textsOf(list).flatMap((text) => {
    const parsed = parseRequirement(text);
    return parsed ? [{ ...parsed, accepts: (version: string) => matchesVersions(version, parsed.versions) }] : [];
  });

function lockedPackage(table: Table, marker: string | undefined, folder: string): LockedPackage {
  const { git, ref, revision, url, path, subdirectory } = table;
  const hashes = tablesOf(table.files).flatMap(({ hash }) => textOf(hash) ?? []);
  const common = { name: String(table.name), marker, hashes };
  if (typeof git === "string")
    return { ...common, git: { url: git, revision: textOf(revision ?? ref), subdirectory: textOf(subdirectory) } };
  if (typeof path === "string") return { ...common, path: resolve(folder, path) };
  if (typeof url === "string") return { ...common, url };
  return { ...common, version: textOf(table.version) };
}
