import { join } from "node:path";
import { FaasError } from "@faas/core";
import { readOptionalText, readToml } from "../../../source/manifest.ts";
import { locationOf } from "../poetry-dependency.ts";
import { formatRequirement, withMarker } from "../requirement.ts";
import { isTable, type Table, tableAt, tablesOf, textOf, textsOf } from "../table.ts";
import { contentHash } from "./content-hash.ts";
import { type Lock, type LockedPackage, outdated } from "./lock.ts";

/**
 * Reads a Pipfile.lock, for the default packages.
 *
 * @throws MANIFEST_INVALID
 */
export async function readPipfileLock(folder: string): Promise<Lock | undefined> {
  const path = join(folder, "Pipfile.lock");
  const text = await readOptionalText(path);
  if (text === undefined) return undefined;
  const lock = parseJson(text, path);
  const pipfile = join(folder, "Pipfile");
  const manifest = await readOptionalText(pipfile);
  const hash = textOf(tableAt(lock, "_meta", "hash").sha256);
  if (manifest !== undefined && hash !== undefined && pipfileHash(await readToml(manifest, pipfile)) !== hash)
    throw outdated(path, pipfile, "pipenv");
  return {
    packages: Object.entries(tableAt(lock, "default")).map(([name, value]) => lockedPackage(name, value, folder)),
    indexes: indexesOf(tableAt(lock, "_meta").sources),
  };
}

/** Lists the requirements of a Pipfile that has no lock file; undefined if it is missing. */
export async function readPipfile(folder: string): Promise<readonly string[] | undefined> {
  const path = join(folder, "Pipfile");
  const text = await readOptionalText(path);
  if (text === undefined) return undefined;
  const manifest = await readToml(text, path);
  const lines = Object.entries(tableAt(manifest, "packages")).map(([name, value]) => pipfileLine(name, value, folder));
  const indexes = indexesOf(manifest.source).filter((url) => !url.startsWith("https://pypi.org/"));
  return [...indexes.map((url) => `--extra-index-url ${url}`), ...lines];
}

function pipfileLine(name: string, value: unknown, folder: string): string {
  const fields = isTable(value) ? value : { version: value };
  const location = locationOf(fields, folder);
  const marker = markerOf(fields);
  const extras = textsOf(fields.extras);
  if (location && "path" in location)
    return withMarker(location.path + (extras.length > 0 ? `[${extras.join(",")}]` : ""), marker);
  const version = textOf(fields.version) ?? "*";
  return formatRequirement({
    name,
    extras,
    versions: version === "*" ? "" : version,
    ...(location ? { url: location.url } : {}),
    ...(marker === undefined ? {} : { marker }),
  });
}

/** Variables of PEP 508, which a Pipfile has as fields. */
const VARIABLES =
  /^(?:os_name|sys_platform|platform_(?:machine|python_implementation|release|system|version)|python_(?:full_)?version|implementation_(?:name|version))$/;

function markerOf(fields: Table): string | undefined {
  const own = Object.entries(fields).filter(([name]) => VARIABLES.test(name));
  const all = [textOf(fields.markers), ...own.map(([name, value]) => `${name} ${value}`)].filter(
    (each) => each !== undefined && each !== "",
  );
  return all.length > 1 ? all.map((each) => `(${each})`).join(" and ") : all[0];
}

function lockedPackage(name: string, value: unknown, folder: string): LockedPackage {
  const fields = isTable(value) ? value : { version: value };
  const common = { name, marker: markerOf(fields), hashes: textsOf(fields.hashes) };
  const { git, ref, subdirectory } = fields;
  if (typeof git === "string")
    return { ...common, git: { url: git, revision: textOf(ref), subdirectory: textOf(subdirectory) } };
  const location = locationOf(fields, folder);
  if (location) return { ...common, ...location };
  // A package without a pinned version has `*`.
  const version = textOf(fields.version)?.replace(/^===?/, "");
  return { ...common, ...(version === undefined || version === "*" ? {} : { version }) };
}

const indexesOf = (sources: unknown) => tablesOf(sources).flatMap(({ url }) => textOf(url) ?? []);

/** Hashes a Pipfile as Pipenv does. */
function pipfileHash(manifest: Table): string {
  const { source, requires = {}, packages = {}, "dev-packages": develop = {}, ...others } = manifest;
  const sections = ["scripts", "pipenv", "default", "develop", "pipfile", "global"];
  const groups = Object.entries(others).filter(([name]) => !sections.includes(name));
  const sources = source ?? [{ name: "pypi", url: "https://pypi.org/simple", verify_ssl: true }];
  const content = { ...Object.fromEntries(groups), _meta: { requires, sources }, default: packages, develop };
  return contentHash(content, [",", ":"]);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FaasError("MANIFEST_INVALID", `${path}: ${(cause as Error).message}`, { cause });
  }
}
