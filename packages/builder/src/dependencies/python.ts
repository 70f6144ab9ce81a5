import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readOptionalText, readPyproject } from "../source/manifest.ts";
import { cachedDependencies, cacheKey, type Dependencies, type DependencyOptions } from "./cache.ts";
import { runInstaller } from "./installer.ts";
import { lockedVersions, needsExport } from "./python-lock.ts";
import {
  copyRequirements,
  type Requirements,
  readRequirementsFile,
  requirementLines,
  requirementsOf,
} from "./requirements.ts";

const QUIET = ["--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"];

/** Installs the dependencies in requirements.txt, or in `[project] dependencies` of pyproject.toml; undefined when there are none. */
export async function pythonDependencies(
  folder: string,
  options: DependencyOptions,
): Promise<Dependencies | undefined> {
  const requirements = await readRequirements(folder);
  if (requirements === undefined) return undefined;
  const { signal } = options;
  const command = process.env.FAAS_PYTHON || "python3";
  const missing = `"${command}" is not on the PATH. Install Python 3.9 or newer with pip, or set FAAS_PYTHON`;
  const python = (args: readonly string[], cwd: string) =>
    runInstaller({ command, args, cwd, signal, missing, env: { ...process.env, PIP_USER: "0" } });
  const describe = "import sys; print(sys.implementation.cache_tag, sys.platform)";
  const version = await python(["-I", "-S", "-c", describe], folder);
  const key = cacheKey(["python", version, process.arch, ...requirements.keyParts]);
  return cachedDependencies(key, ".packages", options, async (temporary) => {
    const target = join(temporary, ".packages");
    const sources = join(temporary, "sources");
    await mkdir(sources);
    const work = await copyRequirements(requirements, sources);
    await python(
      ["-m", "pip", "install", ...QUIET, "--no-compile", "--target", target, "-r", "requirements.txt"],
      work,
    );
    await removeScripts(target);
    await rm(sources, { recursive: true });
  });
}

/**
 * Reads a Python function's requirements.txt or pyproject.toml; undefined when it has no dependencies.
 *
 * @throws MANIFEST_INVALID, also for a project whose dependencies pip cannot read
 */
export async function readRequirements(folder: string): Promise<Requirements | undefined> {
  const path = join(folder, "requirements.txt");
  const text = await readOptionalText(path);
  if (text !== undefined) return requirementLines(text).length === 0 ? undefined : readRequirementsFile(path, folder);
  const { dependencies = [], hasOthers = false } = (await readPyproject(folder)) ?? {};
  if (dependencies.length > 0) return requirementsOf(folder, dependencies, await lockedVersions(folder));
  if (hasOthers) throw needsExport(`tool.poetry.dependencies in ${join(folder, "pyproject.toml")}`, "poetry");
  const pipfile = join(folder, "Pipfile");
  if ((await readOptionalText(pipfile)) !== undefined) throw needsExport(pipfile, "pipenv");
  return undefined;
}

/** Removes scripts: nothing calls them, and their first line has the path of this machine's Python, so that bundles would differ by machine. */
async function removeScripts(packages: string): Promise<void> {
  await rm(join(packages, "bin"), { recursive: true, force: true });
  const infos = (await readdir(packages).catch(() => [])).filter((name) => name.endsWith(".dist-info"));
  for (const info of infos) {
    const record = join(packages, info, "RECORD");
    const text = await readOptionalText(record);
    if (text !== undefined) await writeFile(record, text.replaceAll(/^(?:\.\.\/)*bin\/.*\r?\n/gm, ""));
  }
}
