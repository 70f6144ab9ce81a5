import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { unreadable } from "./source.ts";

/** Fields of a `package.json` that the builder reads. */
export interface PackageJson {
  readonly main?: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

/**
 * Reads the `package.json` of a folder; undefined when it is missing.
 *
 * @throws MANIFEST_INVALID with file, line and column
 */
export async function readPackageJson(folder: string): Promise<PackageJson | undefined> {
  const path = join(folder, "package.json");
  const text = await readOptionalText(path);
  if (text === undefined) return undefined;
  const manifest = await parseJson(text.replace(/^\ufeff/, ""), path);
  if (!isRecord(manifest)) throw invalid(path, "expected an object");
  const { main } = manifest;
  return {
    ...(typeof main === "string" ? { main } : {}),
    dependencies: versions(manifest, "dependencies", path),
    optionalDependencies: versions(manifest, "optionalDependencies", path),
    // Nothing installs these, so an invalid one is not an error.
    devDependencies: texts(manifest.devDependencies),
    scripts: texts(manifest.scripts),
  };
}

function versions(manifest: Record<string, unknown>, field: string, path: string): Record<string, string> {
  const value = manifest[field] ?? {};
  if (isRecord(value) && Object.values(value).every((version) => typeof version === "string"))
    return value as Record<string, string>;
  throw invalid(path, `expected "${field}" to be an object of names and versions`);
}

const texts = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isRecord(value) ? value : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );

/** Fields of a `pyproject.toml` that the builder reads. */
export interface Pyproject {
  /** `[project] dependencies`, each in the format of requirements.txt. */
  readonly dependencies: readonly string[];
  /** Whole content. */
  readonly table: Readonly<Record<string, unknown>>;
}

/**
 * Reads the `pyproject.toml` of a folder; undefined when it is missing.
 *
 * @throws MANIFEST_INVALID with file, line and column
 */
export async function readPyproject(folder: string): Promise<Pyproject | undefined> {
  const path = join(folder, "pyproject.toml");
  const text = await readOptionalText(path);
  if (text === undefined) return undefined;
  const table = await readToml(text, path);
  const { project = {} } = table;
  const dependencies = isRecord(project) ? (project.dependencies ?? []) : undefined;
  if (!Array.isArray(dependencies) || !dependencies.every((each) => typeof each === "string"))
    throw invalid(path, 'expected "project.dependencies" to be a list of strings');
  return { dependencies, table };
}

/**
 * Reads a text file; undefined when it is missing.
 *
 * @throws SOURCE_UNREADABLE
 */
export async function readOptionalText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadable(path, error);
  }
}

async function parseJson(text: string, path: string): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // JSON.parse does not always report the position; esbuild does.
    const { transform } = await import("esbuild");
    const [first] = await transform(text, { loader: "json", logLevel: "silent" }).then(
      () => [],
      ({ errors = [] }) => errors as { text: string; location: { line: number; column: number } | null }[],
    );
    if (!first?.location) throw invalid(path, (cause as Error).message, cause);
    const { line, column } = first.location;
    throw invalid(`${path}:${line}:${column + 1}`, first.text, cause);
  }
}

/**
 * Parses the text of a TOML file.
 *
 * @throws MANIFEST_INVALID with file, line and column
 */
export async function readToml(text: string, path: string): Promise<Record<string, unknown>> {
  const { parse, TomlError } = await import("smol-toml");
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [summary = ""] = cause.message.split("\n");
    throw invalid(`${path}:${cause.line}:${cause.column}`, summary.replace(/^Invalid TOML document: /, ""), cause);
  }
}

const invalid = (position: string, reason: string, cause?: unknown) =>
  new FaasError("MANIFEST_INVALID", `${position}: ${reason}`, { cause });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
