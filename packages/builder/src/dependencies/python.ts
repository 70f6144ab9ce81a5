import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FaasError } from "@faas/core";
import { readOptionalText, readPyproject } from "../source/manifest.ts";
import { unreadable } from "../source/source.ts";
import { cachedDependencies, cacheKey, type Dependencies, type DependencyOptions } from "./cache.ts";
import { runInstaller } from "./installer.ts";
import { treeDigest } from "./local-packages.ts";

const QUIET = ["--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"];

/** Installs the dependencies in requirements.txt, or in `[project] dependencies` of pyproject.toml; undefined when there are none. */
export async function pythonDependencies(
  folder: string,
  options: DependencyOptions,
  warn: (warning: string) => void,
): Promise<Dependencies | undefined> {
  const requirements = await readRequirements(folder, warn);
  if (requirements === undefined) return undefined;
  const { signal } = options;
  const { file } = requirements;
  const command = process.env.FAAS_PYTHON || "python3";
  const missing = `"${command}" is not on the PATH. Install Python 3.9 or newer with pip, or set FAAS_PYTHON`;
  const python = (args: readonly string[]) =>
    runInstaller({ command, args, cwd: folder, signal, missing, env: { ...process.env, PIP_USER: "0" } });
  const version = await python(["-I", "-S", "-c", "import sys; print(sys.implementation.cache_tag, sys.platform)"]);
  const key = cacheKey(["python", version, process.arch, ...requirements.keyParts]);
  return cachedDependencies(key, ".packages", options, async (temporary) => {
    const list = "path" in file ? file.path : join(temporary, "requirements.txt");
    if ("text" in file) await writeFile(list, file.text);
    const target = join(temporary, ".packages");
    await python(["-m", "pip", "install", ...QUIET, "--no-compile", "--target", target, "-r", list]);
    await removeScripts(target);
  });
}

/** Files and local packages that determine what pip installs. */
export interface Requirements {
  /** Path of the user's requirements.txt, in place so that its relative paths work, or the text of one made from pyproject.toml. */
  readonly file: { readonly path: string } | { readonly text: string };
  /** Inputs of the installation: equal parts install equal dependencies. */
  readonly keyParts: readonly string[];
  /** Absolute paths that pip reads: the file, the files that it includes, and local packages. */
  readonly paths: readonly string[];
}

/** Reads a Python function's requirements.txt or pyproject.toml; undefined when it has no dependencies. */
export async function readRequirements(
  folder: string,
  warn: (warning: string) => void,
): Promise<Requirements | undefined> {
  const path = join(folder, "requirements.txt");
  const text = await readOptionalText(path);
  if (text !== undefined) {
    if (lines(text).length === 0) return undefined;
    const seen = new Set<string>();
    const keyParts = await collectKeyParts(path, folder, seen);
    return { file: { path }, keyParts, paths: [...seen] };
  }
  const { dependencies = [], hasOthers = false } = (await readPyproject(folder)) ?? {};
  if (dependencies.length > 0) return { file: { text: dependencies.join("\n") }, keyParts: dependencies, paths: [] };
  if (hasOthers) warn("pyproject.toml: tool.poetry.dependencies is ignored. List dependencies in project.dependencies");
  return undefined;
}

const lines = (text: string) =>
  text
    .replaceAll(/\\\r?\n/g, " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*/, "").trim())
    .filter((line) => line !== "");

/** Collects the lines of a requirements file and of the files that it includes, and the digests of local packages. */
async function collectKeyParts(path: string, folder: string, seen: Set<string>): Promise<string[]> {
  if (seen.has(path)) return [];
  seen.add(path);
  const text = await readFile(path, "utf8").catch((error) => {
    throw unreadable(path, error);
  });
  const keyParts: string[] = [];
  for (const line of lines(text)) {
    keyParts.push(line);
    const [, included] = /^(?:-r|-c|--requirement|--constraint)[\s=]*(.+)$/.exec(line) ?? [];
    // Paths of included files are relative to the including file, paths of packages to pip's working directory.
    if (included && !included.includes("://"))
      keyParts.push(...(await collectKeyParts(resolve(dirname(path), included), folder, seen)));
    const [, local] =
      /^(?:-e\s*|--editable[\s=]*)?(?:[\w.-]+\s*@\s*)?(?:file:)?(\.{0,2}\/[^\s;[]*|\.)/.exec(line) ?? [];
    if (!included && local) {
      seen.add(resolve(folder, local));
      keyParts.push(await localDigest(resolve(folder, local)));
    }
  }
  return keyParts;
}

async function localDigest(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new FaasError("SOURCE_UNREADABLE", `requirements.txt names ${path}, which does not exist`);
  return treeDigest(path);
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
