import { join } from "node:path";
import { FaasError } from "@faas/core";
import { readOptionalText, readPyproject } from "../../source/manifest.ts";
import { type Lock, lockedLines, needsExport } from "./locks/lock.ts";
import { readPdmLock } from "./locks/pdm.ts";
import { readPipfile, readPipfileLock } from "./locks/pipenv.ts";
import { readPoetryLock } from "./locks/poetry.ts";
import { readPylock } from "./locks/pylock.ts";
import { readUvLock } from "./locks/uv.ts";
import { findOwnPackage } from "./own-package.ts";
import { dependencyLine, locationOf, poetryDependencies } from "./poetry-dependency.ts";
import { formatRequirement, normalizeName, parseRequirement, withMarker } from "./requirement.ts";
import { REQUIREMENT_FILES, RequirementCollector, type Requirements, requirementLines } from "./requirements.ts";
import { readSetupFiles } from "./setup-files.ts";
import { isTable, type Table, tableAt, textsOf } from "./table.ts";

/**
 * Reads the dependencies of a Python function: its requirements.txt, or else its lock file, or else the manifest of its project. Undefined when it has
 * none and is not a package itself.
 *
 * @throws MANIFEST_INVALID, also for a lock file that is out of date
 */
export async function readRequirements(folder: string): Promise<Requirements | undefined> {
  const pyproject = (await readPyproject(folder))?.table ?? {};
  const collector = new RequirementCollector(folder);
  const source = await collect(folder, pyproject, collector);
  const isRequested = collector.ownExtras !== undefined || source === "build";
  const own = await findOwnPackage(folder, pyproject, isRequested);
  if (own === "build") {
    // A requirements.txt lists everything that is to be installed.
    if (source !== "requirements" || isRequested)
      collector.addOwnFolder(
        source === "lock" ? REQUIREMENT_FILES.sources : REQUIREMENT_FILES.open,
        collector.ownExtras ?? [],
      );
  } else if (collector.ownExtras !== undefined)
    await collector.add(join(folder, REQUIREMENT_FILES.open), projectLines(folder, pyproject, collector.ownExtras));
  return collector.finish(own instanceof Map ? own : new Map());
}

/** Collects the dependencies, and returns where they come from: `"build"` if only building the project can tell. */
async function collect(
  folder: string,
  pyproject: Table,
  collector: RequirementCollector,
): Promise<"requirements" | "lock" | "manifest" | "build"> {
  const open = join(folder, REQUIREMENT_FILES.open);
  const text = await readOptionalText(open);
  if (text !== undefined) {
    await collector.add(open, requirementLines(text));
    return "requirements";
  }
  const lock = await readLock(folder, pyproject);
  if (lock) {
    const { hashed, unhashed } = lockedLines(lock);
    await collector.add(join(folder, REQUIREMENT_FILES.locked), hashed);
    await collector.add(join(folder, REQUIREMENT_FILES.sources), unhashed);
    return "lock";
  }
  const isProject = isTable(pyproject.project) || isTable(tableAt(pyproject, "tool").poetry);
  const lines = isProject
    ? manifestLines(folder, pyproject)
    : ((await readPipfile(folder)) ?? (await readSetupFiles(folder)));
  if (lines === "build") return "build";
  await collector.add(open, lines);
  return "manifest";
}

async function readLock(folder: string, pyproject: Table): Promise<Lock | undefined> {
  return (
    (await readUvLock(folder, pyproject)) ??
    (await readPoetryLock(folder, pyproject)) ??
    (await readPdmLock(folder, pyproject)) ??
    (await readPylock(folder)) ??
    (await readPipfileLock(folder))
  );
}

/** Returns the requirements of a project without a lock file; `"build"` if only its backend knows them. */
function manifestLines(folder: string, pyproject: Table): readonly string[] | "build" {
  const isDynamic = textsOf(tableAt(pyproject, "project").dynamic).includes("dependencies");
  if (!isDynamic || hasPoetryTable(pyproject)) return projectLines(folder, pyproject, []);
  const { file } = tableAt(pyproject, "tool", "setuptools", "dynamic", "dependencies");
  const files = typeof file === "string" ? [file] : textsOf(file);
  return files.length > 0 ? files.map((each) => `-r ${each}`) : "build";
}

const hasPoetryTable = (pyproject: Table) => isTable(tableAt(pyproject, "tool", "poetry").dependencies);

/** Returns the dependencies in `[project]` or in Poetry's table, with those of extras. */
function projectLines(folder: string, pyproject: Table, extras: readonly string[]): string[] {
  const project = tableAt(pyproject, "project");
  const all = [...textsOf(project.dependencies), ...extrasOf(project, extras)];
  if (project.dependencies !== undefined || !hasPoetryTable(pyproject))
    return all.map((each) => projectLine(each, folder, pyproject));
  const poetry = tableAt(pyproject, "tool", "poetry");
  const members = new Set(extras.flatMap((extra) => textsOf(tableAt(poetry, "extras")[extra])).map(normalizeName));
  const tables = { ...tableAt(poetry, "dependencies"), ...tableAt(poetry, "group", "main", "dependencies") };
  const entries = Object.entries(tables).map(([name, value]) =>
    isTable(value) && members.has(normalizeName(name)) ? [name, { ...value, optional: false }] : [name, value],
  );
  return poetryDependencies(Object.fromEntries(entries)).map((each) => {
    const line = dependencyLine(each, folder);
    if (line !== undefined) return line;
    const reason = `pip has no such alternatives as "${each.fields.version}" of ${each.name}`;
    throw needsExport(join(folder, "pyproject.toml"), reason, "poetry");
  });
}

const extrasOf = (project: Table, extras: readonly string[]): string[] => {
  const optional = Object.entries(tableAt(project, "optional-dependencies"));
  const wanted = new Set(extras.map(normalizeName));
  return optional.filter(([name]) => wanted.has(normalizeName(name))).flatMap(([, list]) => textsOf(list));
};

/** Returns a requirement with the place that the table of a tool has for it. */
function projectLine(text: string, folder: string, pyproject: Table): string {
  const line = text.replaceAll(/\$\{PROJECT_ROOT\}/g, () => folder);
  const requirement = parseRequirement(line);
  if (!requirement) return line;
  const tables = [tableAt(pyproject, "tool", "uv", "sources"), tableAt(pyproject, "tool", "poetry", "dependencies")];
  const fields = tables
    .flatMap((table) => Object.entries(table))
    .find(([name]) => normalizeName(name) === requirement.name)?.[1];
  if (!isTable(fields)) return line;
  if (fields.workspace === true)
    throw new FaasError(
      "MANIFEST_INVALID",
      `${join(folder, "pyproject.toml")}: "${requirement.name}" is in a workspace, but there is no uv.lock. Run "uv lock"`,
    );
  const location = locationOf(fields, folder);
  if (location === undefined) return line;
  const { extras, marker } = requirement;
  return "path" in location
    ? withMarker(location.path + (extras.length > 0 ? `[${extras.join(",")}]` : ""), marker)
    : formatRequirement({ ...requirement, versions: "", url: location.url });
}
