import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FaasError } from "@faas/core";
import { readPyproject, readTextIfThere } from "../source/manifest.ts";
import { unreadable } from "../source/source.ts";
import { cached, cacheKey, type Dependencies, type DependencyOptions } from "./cache.ts";
import { runInstaller } from "./installer.ts";
import { treeDigest } from "./local-packages.ts";

const QUIET = ["--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"];

/** Installs what requirements.txt, or pyproject.toml's `[project] dependencies`, names; undefined when it names nothing. */
export async function pythonDependencies(
  folder: string,
  options: DependencyOptions,
  warn: (warning: string) => void,
): Promise<Dependencies | undefined> {
  const requirements = await readRequirements(folder, warn);
  if (requirements === undefined) return undefined;
  const { signal } = options;
  const command = process.env.FAAS_PYTHON || "python3";
  const missing = `"${command}" is not on the PATH; install Python 3.9 or newer with pip, or name it in FAAS_PYTHON`;
  const python = (args: readonly string[]) =>
    runInstaller({ command, args, cwd: folder, signal, missing, env: { ...process.env, PIP_USER: "0" } });
  const version = await python(["-I", "-S", "-c", "import sys; print(sys.implementation.cache_tag, sys.platform)"]);
  const key = cacheKey(["python", version, process.arch, ...requirements.words]);
  return cached(key, ".packages", options, async (temporary) => {
    const list = requirements.path ?? join(temporary, "requirements.txt");
    if (requirements.path === undefined) await writeFile(list, requirements.words.join("\n"));
    const target = join(temporary, ".packages");
    await python(["-m", "pip", "install", ...QUIET, "--no-compile", "--target", target, "-r", list]);
    await leaveOutScripts(target);
  });
}

/** All that decides what pip installs. */
export interface Requirements {
  /** The user's own file, so that paths in it mean what they say. */
  readonly path?: string;
  /** The same words install the same. */
  readonly words: readonly string[];
  /** Absolute paths of all that pip reads: the file, those that it includes, packages that it names by a path. */
  readonly paths: readonly string[];
}

/** What a Python function's requirements.txt or pyproject.toml wants installed; undefined when it names nothing. */
export async function readRequirements(
  folder: string,
  warn: (warning: string) => void,
): Promise<Requirements | undefined> {
  const path = join(folder, "requirements.txt");
  const text = await readTextIfThere(path);
  if (text !== undefined) {
    const seen = new Set<string>();
    return lines(text).length === 0 ? undefined : { path, words: await wordsOf(path, folder, seen), paths: [...seen] };
  }
  const pyproject = await readPyproject(folder);
  if (pyproject?.hasOthers && pyproject.dependencies.length === 0)
    warn("pyproject.toml: tool.poetry.dependencies is not read; list what is to be installed in project.dependencies");
  return pyproject && pyproject.dependencies.length > 0 ? { words: pyproject.dependencies, paths: [] } : undefined;
}

const lines = (text: string) =>
  text
    .replaceAll(/\\\r?\n/g, " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*/, "").trim())
    .filter((line) => line !== "");

/** A requirements file's lines, those of the files that it includes, and the contents of packages that it names by a path. */
async function wordsOf(path: string, folder: string, seen: Set<string>): Promise<string[]> {
  if (seen.has(path)) return [];
  seen.add(path);
  const text = await readFile(path, "utf8").catch((error) => {
    throw unreadable(path, error);
  });
  const words: string[] = [];
  for (const line of lines(text)) {
    words.push(line);
    const [, included] = /^(?:-r|-c|--requirement|--constraint)[\s=]*(.+)$/.exec(line) ?? [];
    // Of included files relative to the one that names them, of packages to the folder that pip runs in.
    if (included && !included.includes("://"))
      words.push(...(await wordsOf(resolve(dirname(path), included), folder, seen)));
    const [, local] =
      /^(?:-e\s*|--editable[\s=]*)?(?:[\w.-]+\s*@\s*)?(?:file:)?(\.{0,2}\/[^\s;[]*|\.)/.exec(line) ?? [];
    if (!included && local) {
      seen.add(resolve(folder, local));
      words.push(await localDigest(resolve(folder, local)));
    }
  }
  return words;
}

async function localDigest(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new FaasError("SOURCE_UNREADABLE", `requirements.txt names ${path}, which does not exist`);
  return treeDigest(path);
}

/** Scripts name this machine's Python in their first line, and nothing calls them: with them bundles would differ by machine. */
async function leaveOutScripts(packages: string): Promise<void> {
  await rm(join(packages, "bin"), { recursive: true, force: true });
  const infos = (await readdir(packages).catch(() => [])).filter((name) => name.endsWith(".dist-info"));
  for (const info of infos) {
    const record = join(packages, info, "RECORD");
    const text = await readTextIfThere(record);
    if (text !== undefined) await writeFile(record, text.replaceAll(/^(?:\.\.\/)*bin\/.*\r?\n/gm, ""));
  }
}
