import { resolve } from "node:path";
import { fromPoetryVersions, pythonMarker } from "./poetry-constraint.ts";
import { formatRequirement, gitUrl, normalizeName, withMarker } from "./requirement.ts";
import { isTable, type Table, textOf, textsOf } from "./table.ts";

/** Dependency in one of the tables of Poetry or Pipenv. */
export interface ToolDependency {
  readonly name: string;
  readonly extras: readonly string[];
  /** Condition in the format of PEP 508. */
  readonly marker?: string | undefined;
  /** Alternatives in the format of PEP 440. */
  readonly versions: readonly string[];
  readonly fields: Table;
}

/** Reads a table of dependencies as Poetry writes it, without optional ones and Python itself. */
export function poetryDependencies(table: Table): ToolDependency[] {
  return Object.entries(table).flatMap(([name, value]) =>
    normalizeName(name) === "python"
      ? []
      : [value]
          .flat()
          .map((each) => readDependency(name, each))
          .filter(({ fields }) => fields.optional !== true),
  );
}

function readDependency(name: string, value: unknown): ToolDependency {
  const fields = isTable(value) ? value : { version: value };
  const conditions = [
    textOf(fields.markers),
    fields.python === undefined ? undefined : pythonMarker(String(fields.python)),
    textOf(fields.platform) && `sys_platform == "${fields.platform}"`,
  ].filter((each) => each !== undefined && each !== "");
  const marker = conditions.length > 1 ? conditions.map((each) => `(${each})`).join(" and ") : conditions[0];
  return {
    name,
    extras: textsOf(fields.extras),
    marker,
    versions: fromPoetryVersions(textOf(fields.version) ?? "*"),
    fields,
  };
}

/** Formats a dependency for a requirements file; undefined if pip cannot express its versions. */
export function dependencyLine(dependency: ToolDependency, folder: string): string | undefined {
  const { name, extras, marker, versions, fields } = dependency;
  const location = locationOf(fields, folder);
  if (location !== undefined && "path" in location)
    return withMarker(location.path + (extras.length > 0 ? `[${extras.join(",")}]` : ""), marker);
  if (location === undefined && versions.length > 1) return undefined;
  return formatRequirement({
    name,
    extras,
    versions: versions[0] ?? "",
    ...(location === undefined ? {} : { url: location.url }),
    ...(marker === undefined ? {} : { marker }),
  });
}

/** Returns the place of a dependency that is not in an index: `path`, `file`, `url` and `git` of Poetry, Pipenv and uv. */
export function locationOf(fields: Table, folder: string): { url: string } | { path: string } | undefined {
  const path = textOf(fields.path) ?? textOf(fields.file);
  if (path !== undefined) return path.includes("://") ? { url: path } : { path: resolve(folder, path) };
  if (textOf(fields.url) !== undefined) return { url: String(fields.url) };
  const git = textOf(fields.git);
  if (git === undefined) return undefined;
  const revision = [fields.rev, fields.tag, fields.branch, fields.ref].map(textOf).find((each) => each !== undefined);
  return { url: gitUrl({ url: git, revision, subdirectory: textOf(fields.subdirectory) }) };
}
