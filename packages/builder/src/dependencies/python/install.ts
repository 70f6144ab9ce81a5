import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readOptionalText } from "../../source/manifest.ts";
import { cachedDependencies, cacheKey, type Dependencies, type DependencyOptions } from "../cache.ts";
import { runInstaller } from "../installer.ts";
import { readRequirements } from "./project.ts";
import { copyRequirements, mergeFolder, PACKAGE_FILES_FOLDER, REQUIREMENT_FILES } from "./requirements.ts";

/** Options of pip for little output. */
export const QUIET_PIP = ["--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"];

/** Address of the copied manifests in a container, as the Dockerfile in `templates/python` has it. */
const MANIFESTS_URL = "file:///tmp/manifests";

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
  const key = cacheKey(["python", "portable", version, process.arch, ...requirements.keyParts]);
  return cachedDependencies(key, ".packages", options, async (temporary) => {
    const target = join(temporary, ".packages");
    const sources = join(temporary, "sources");
    await mkdir(sources);
    const work = await copyRequirements(requirements, sources);
    const names = new Set(requirements.files.keys());
    for (const name of Object.values(REQUIREMENT_FILES))
      if (names.has(join(folder, name))) await install(python, name, work, target);
    await mergeFolder(join(work, PACKAGE_FILES_FOLDER), target);
    await makePortable(target, sources);
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

/** Makes packages independent of this machine, so that equal packages give equal digests: their scripts, and the origins of local packages. */
export async function makePortable(packages: string, sources: string): Promise<void> {
  await makeScriptsPortable(join(packages, "bin"));
  const prefix = pathToFileURL(sources).href;
  for (const info of (await readdir(packages).catch(() => [])).filter((name) => name.endsWith(".dist-info"))) {
    const origin = join(packages, info, "direct_url.json");
    const url = await readOptionalText(origin);
    const portable = url?.replaceAll(prefix, MANIFESTS_URL);
    if (portable !== undefined && portable !== url) await writeFile(origin, portable);
    const record = join(packages, info, "RECORD");
    const text = await readOptionalText(record);
    if (text === undefined) continue;
    const withoutScripts = text.replaceAll(/^(?:\.\.\/)*bin\/.*\r?\n/gm, "");
    await writeFile(record, portable === undefined ? withoutScripts : withDigest(withoutScripts, portable));
  }
}

/** Replaces the digest of `direct_url.json` in the text of a RECORD file. */
function withDigest(record: string, content: string): string {
  const digest = createHash("sha256").update(content).digest("base64url");
  return record.replace(
    /^([^,\n]*\.dist-info\/direct_url\.json),sha256=[^,\n]*,\d+/m,
    (_, path) => `${path},sha256=${digest},${Buffer.byteLength(content)}`,
  );
}

/**
 * Makes the packages' scripts, which commands of servers call, start the Python on the PATH. Their first line has the path of the Python that
 * installed them.
 */
async function makeScriptsPortable(bin: string): Promise<void> {
  await rm(join(bin, "__pycache__"), { recursive: true, force: true });
  for (const entry of await readdir(bin, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile() || !(await isScript(join(bin, entry.name)))) continue;
    const script = await readFile(join(bin, entry.name), "latin1");
    const portable = withPortableInterpreter(script);
    if (portable !== script) await writeFile(join(bin, entry.name), portable, "latin1");
  }
}

/** Reads the first two bytes: programs can be large. */
async function isScript(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.toString("latin1") === "#!";
  } finally {
    await file.close();
  }
}

/** Replaces the interpreter of a Python script. pip writes two lines of shell for a path that is too long for the first line. */
function withPortableInterpreter(script: string): string {
  return script.replace(/^#!(?:[^\n]*python[^\n]*|\/bin\/sh\n'''exec' [^\n]*\n' ''')\n/, "#!/usr/bin/env python3\n");
}
