import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readOptionalText } from "../../source/manifest.ts";
import { cachedDependencies, cacheKey, type Dependencies, type DependencyOptions } from "../cache.ts";
import { runInstaller } from "../installer.ts";
import { readRequirements } from "./project.ts";
import { copyRequirements, mergeFolder, PACKAGE_FILES_FOLDER, REQUIREMENT_FILES } from "./requirements.ts";

/** Options of pip for little output. */
export const QUIET_PIP = ["--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"];

/** Runs Python in a folder and returns its output. */
type RunPython = (args: readonly string[], folder: string) => Promise<string>;

/** Installs the dependencies of a Python function, once per requirements; undefined when there are none. */
export async function pythonDependencies(
  folder: string,
  options: DependencyOptions,
): Promise<Dependencies | undefined> {
  const requirements = await readRequirements(folder);
  if (requirements === undefined) return undefined;
  for (const path of [...requirements.files.keys(), ...requirements.paths]) options.onInput?.(path);
  const { signal } = options;
  const command = process.env.FAAS_PYTHON || "python3";
  const missing = `"${command}" is not on the PATH. Install Python 3.9 or newer with pip, or set FAAS_PYTHON`;
  const python: RunPython = (args, cwd) =>
    runInstaller({ command, args, cwd, signal, missing, env: { ...process.env, PIP_USER: "0" } });
  const describe = "import sys; print(sys.implementation.cache_tag, sys.platform)";
  // Without packages, nothing depends on the version.
  const version = requirements.files.size === 0 ? "" : await python(["-I", "-S", "-c", describe], folder);
  const key = cacheKey(["python", "scripts", version, process.arch, ...requirements.keyParts]);
  return cachedDependencies(key, ".packages", options, async (temporary) => {
    const target = join(temporary, ".packages");
    const sources = join(temporary, "sources");
    await mkdir(sources);
    const work = await copyRequirements(requirements, sources);
    const names = new Set(requirements.files.keys());
    for (const name of Object.values(REQUIREMENT_FILES))
      if (names.has(join(folder, name))) await install(python, name, work, target);
    await mergeFolder(join(work, PACKAGE_FILES_FOLDER), target);
    await makeScriptsPortable(target);
    await rm(sources, { recursive: true });
  });
}

/** Installs the packages of a requirements file. */
async function install(python: RunPython, file: string, folder: string, target: string): Promise<void> {
  const isLocked = file !== REQUIREMENT_FILES.open;
  // pip does not add to the folder of a namespace that an earlier run has created.
  const into = file === REQUIREMENT_FILES.sources ? join(folder, ".faas-built") : target;
  const options = ["--no-compile", ...(isLocked ? ["--no-deps"] : []), "--target", into];
  await python(["-m", "pip", "install", ...QUIET_PIP, ...options, "-r", file], folder);
  if (into !== target) await mergeFolder(into, target);
}

/**
 * Makes the packages' scripts, which commands of servers call, start the Python on the PATH. Their first line has the path of this machine's Python, so
 * that bundles would differ by machine, as would the digests of the scripts.
 */
export async function makeScriptsPortable(packages: string): Promise<void> {
  const bin = join(packages, "bin");
  await rm(join(bin, "__pycache__"), { recursive: true, force: true });
  for (const entry of await readdir(bin, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    const script = await readFile(join(bin, entry.name), "latin1");
    await writeFile(join(bin, entry.name), withPortableInterpreter(script), "latin1");
  }
  const infos = (await readdir(packages).catch(() => [])).filter((name) => name.endsWith(".dist-info"));
  for (const info of infos) {
    const record = join(packages, info, "RECORD");
    const text = await readOptionalText(record);
    if (text !== undefined) await writeFile(record, text.replaceAll(/^(?:\.\.\/)*bin\/.*\r?\n/gm, ""));
  }
}

/** Replaces the interpreter of a Python script. pip writes two lines of shell for a path that is too long for the first line. */
function withPortableInterpreter(script: string): string {
  return script.replace(/^#!(?:[^\n]*python[^\n]*|\/bin\/sh\n'''exec' [^\n]*\n' ''')\n/, "#!/usr/bin/env python3\n");
}
