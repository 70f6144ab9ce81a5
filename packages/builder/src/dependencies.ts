import { createHash, randomBytes } from "node:crypto";
import { access, copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { parse as parseToml } from "smol-toml";
import { run } from "./installer.ts";
import { readPackageJson } from "./runtime.ts";

/** Installed dependencies: the folder that holds them, and the name that it has in the bundle. */
export interface Dependencies {
  readonly path: string;
  readonly name: "node_modules" | ".packages";
}

export interface DependencyOptions {
  /** `$FAAS_CACHE_DIR`, `$XDG_CACHE_HOME/faas` or `~/.cache/faas`. */
  readonly cacheDir?: string;
  readonly signal?: AbortSignal;
}

const LOCK_FILES = ["package-lock.json", "npm-shrinkwrap.json"];

/** Installs what a Node function's package.json names, once for the same manifest; undefined when it names nothing. */
export async function nodeDependencies(folder: string, options: DependencyOptions): Promise<Dependencies | undefined> {
  const manifest = await readPackageJson(folder);
  const wanted = { ...manifest?.dependencies, ...manifest?.optionalDependencies };
  if (Object.keys(wanted).length === 0) return undefined;
  const files = ["package.json", ...LOCK_FILES, ".npmrc"];
  const contents = await readAll(folder, files);
  const locked = LOCK_FILES.some((name) => contents.has(name));
  const key = digest(["node", process.versions.modules, process.platform, process.arch, ...[...contents].flat()]);
  const path = await cached(key, "node_modules", options, async (temporary) => {
    for (const name of contents.keys()) await copyFile(join(folder, name), join(temporary, name));
    const command = locked ? ["ci"] : ["install", "--no-package-lock"];
    await run(
      "npm",
      [...command, "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"],
      temporary,
      options.signal,
    );
  });
  return { path, name: "node_modules" };
}

/** Installs what requirements.txt, or pyproject.toml's `[project] dependencies`, names; undefined when it names nothing. */
export async function pythonDependencies(
  folder: string,
  options: DependencyOptions,
): Promise<Dependencies | undefined> {
  const requirements = await pythonRequirements(folder);
  if (requirements === undefined) return undefined;
  const python = process.env.FAAS_PYTHON ?? "python3";
  const version = await run(
    python,
    ["-c", "import sys; print(sys.version_info[:2], sys.platform)"],
    folder,
    options.signal,
  );
  const key = digest(["python", version, process.arch, requirements]);
  const path = await cached(key, ".packages", options, async (temporary) => {
    const list = join(temporary, "requirements.txt");
    await writeFile(list, requirements);
    const target = join(temporary, ".packages");
    const quiet = ["--disable-pip-version-check", "--no-compile", "--quiet", "--no-input", "--root-user-action=ignore"];
    await run(python, ["-m", "pip", "install", ...quiet, "--target", target, "-r", list], folder, options.signal);
    await mkdir(target, { recursive: true });
    // Scripts name this machine's Python in their first line, and nothing calls them.
    await rm(join(target, "bin"), { recursive: true, force: true });
  });
  return { path, name: ".packages" };
}

async function pythonRequirements(folder: string): Promise<string | undefined> {
  const listed = await readFile(join(folder, "requirements.txt"), "utf8").catch(() => undefined);
  if (listed !== undefined) return listed.replaceAll(/^\s*(#.*)?$/gm, "").trim() === "" ? undefined : listed;
  const path = join(folder, "pyproject.toml");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { project } = parseToml(text) as { project?: { dependencies?: unknown } };
    const dependencies = project?.dependencies ?? [];
    if (!Array.isArray(dependencies)) throw new Error('expected "project.dependencies" to be a list');
    return dependencies.length === 0 ? undefined : `${dependencies.join("\n")}\n`;
  } catch (error) {
    throw new FaasError("MANIFEST_INVALID", `${path} does not parse: ${(error as Error).message}`, { cause: error });
  }
}

/** A folder of the cache, made by `make` when it is not there: whole or not at all, also when two make it at once. */
async function cached(
  key: string,
  name: string,
  { cacheDir = defaultCacheDir() }: DependencyOptions,
  make: (temporary: string) => Promise<void>,
): Promise<string> {
  const home = join(cacheDir, "dependencies");
  const final = join(home, key);
  if (!(await exists(final))) {
    const temporary = join(home, `.${key}-${randomBytes(4).toString("hex")}`);
    await mkdir(temporary, { recursive: true });
    try {
      await make(temporary);
      await mkdir(join(temporary, name), { recursive: true });
      await rename(temporary, final).catch(async (error) => {
        if (!(await exists(final))) throw error;
      });
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
  return join(final, name);
}

function defaultCacheDir(): string {
  const { FAAS_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  return FAAS_CACHE_DIR ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "faas");
}

async function readAll(folder: string, names: readonly string[]): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  for (const name of names) {
    const text = await readFile(join(folder, name), "utf8").catch(() => undefined);
    if (text !== undefined) contents.set(name, text);
  }
  return contents;
}

const digest = (parts: readonly string[]) =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
