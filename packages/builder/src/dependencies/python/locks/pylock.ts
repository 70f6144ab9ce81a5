import { join, resolve } from "node:path";
import { readOptionalText, readToml } from "../../../source/manifest.ts";
import { type Table, tableAt, tablesOf, textOf, textsOf } from "../table.ts";
import type { Lock, LockedPackage } from "./lock.ts";

/**
 * Reads a pylock.toml (PEP 751), for the default groups and without extras.
 *
 * @throws MANIFEST_INVALID
 */
export async function readPylock(folder: string): Promise<Lock | undefined> {
  const path = join(folder, "pylock.toml");
  const text = await readOptionalText(path);
  if (text === undefined) return undefined;
  const lock = await readToml(text, path);
  const groups = textsOf(lock["default-groups"]);
  const packages = tablesOf(lock.packages);
  return {
    packages: packages.map((each) => lockedPackage(each, groups, folder)),
    indexes: packages.flatMap(({ index }) => textOf(index) ?? []),
  };
}

function lockedPackage(table: Table, groups: readonly string[], folder: string): LockedPackage {
  const common = { name: String(table.name), marker: pipMarker(textOf(table.marker), groups) };
  const { vcs, directory, archive } = table;
  if (vcs !== undefined) {
    const { url, path, "commit-id": revision, subdirectory } = tableAt(vcs);
    const address = textOf(url) ?? `file://${resolve(folder, String(path))}`;
    const git = { url: address, revision: textOf(revision), subdirectory: textOf(subdirectory) };
    return { ...common, git, hashes: [] };
  }
  if (directory !== undefined) {
    const { path, subdirectory = "." } = tableAt(directory);
    return { ...common, path: resolve(folder, String(path), String(subdirectory)), hashes: [] };
  }
  if (archive !== undefined) return { ...common, ...placeOf(tableAt(archive), folder), hashes: hashesOf([archive]) };
  const files = [table.sdist, ...tablesOf(table.wheels)];
  const hashes = hashesOf(files);
  if (table.version !== undefined) return { ...common, version: String(table.version), hashes };
  // An archive without a version: there is one file.
  return { ...common, ...placeOf(tableAt(files.find((each) => each !== undefined)), folder), hashes };
}

const placeOf = ({ url, path }: Table, folder: string) =>
  path === undefined ? { url: String(url) } : { path: resolve(folder, String(path)) };

const hashesOf = (files: readonly unknown[]): string[] =>
  files.flatMap((file) =>
    Object.entries(tableAt(file, "hashes"))
      .filter(([algorithm]) => /^sha(?:256|384|512)$/.test(algorithm))
      .map(([algorithm, digest]) => `${algorithm}:${digest}`),
  );

/** Replaces the parts about groups and extras, which pip does not know, by ones with the same result. */
function pipMarker(marker: string | undefined, groups: readonly string[]): string | undefined {
  return marker?.replaceAll(
    /(["'])([^"']*)\1\s+(not\s+)?in\s+(extras|dependency_groups)/g,
    (_, __, name: string, not: string | undefined, kind: string) => {
      const isIn = kind === "dependency_groups" && groups.includes(name);
      return isIn === (not === undefined) ? 'python_version >= "0"' : 'python_version < "0"';
    },
  );
}
