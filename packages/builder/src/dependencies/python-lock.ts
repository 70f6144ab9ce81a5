import { join } from "node:path";
import { FaasError } from "@faas/core";
import { readOptionalText, readToml } from "../source/manifest.ts";

/** Lock files whose packages have a name and a version, with the tool that writes them. */
const LOCK_FILES = ["uv.lock", "poetry.lock", "pdm.lock"];

/** Files without which pip does not know the dependencies, with the command that writes a requirements.txt. */
const EXPORTS = {
  poetry: "poetry export --without-hashes -o requirements.txt",
  pipenv: "pipenv requirements > requirements.txt",
} as const;

/**
 * Reads the versions of a lock file of uv, Poetry or PDM, as constraints for pip. A package that the lock file has in several versions, for
 * different systems, is left to pip.
 *
 * @throws MANIFEST_INVALID
 */
export async function lockedVersions(folder: string): Promise<readonly string[]> {
  for (const name of LOCK_FILES) {
    const path = join(folder, name);
    const text = await readOptionalText(path);
    if (text === undefined) continue;
    const { package: packages } = await readToml(text, path);
    const versions = new Map<string, Set<string>>();
    for (const each of Array.isArray(packages) ? packages : []) {
      const { name: packageName, version, source } = each as Record<string, unknown>;
      // A package of this folder, or of a repository, has its version there.
      if (typeof packageName !== "string" || typeof version !== "string" || isElsewhere(source)) continue;
      versions.set(packageName, (versions.get(packageName) ?? new Set()).add(version));
    }
    return Array.from(versions)
      .filter(([, each]) => each.size === 1)
      .map(([packageName, [version]]) => `${packageName}==${version}`)
      .sort();
  }
  return [];
}

const isElsewhere = (source: unknown): boolean =>
  typeof source === "object" &&
  source !== null &&
  ("git" in source ||
    "editable" in source ||
    "virtual" in source ||
    "directory" in source ||
    "path" in source ||
    ["git", "directory", "file", "url"].includes(String((source as { type?: unknown }).type)));

/** Creates the error for a project whose dependencies only its own tool can read. */
export const needsExport = (path: string, tool: keyof typeof EXPORTS): FaasError =>
  new FaasError(
    "MANIFEST_INVALID",
    `${path} cannot be used, because faas installs with pip. Run "${EXPORTS[tool]}", and again after each change`,
  );
