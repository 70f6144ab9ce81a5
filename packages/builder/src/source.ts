import type { Dirent } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { FaasError, formatSize } from "@faas/core";
import ignore, { type Ignore } from "ignore";

/** One thing of the source folder that is deployed. Names have `/` and no leading one. */
export type SourceEntry =
  | {
      readonly kind: "file";
      readonly name: string;
      readonly path: string;
      readonly size: number;
      readonly executable: boolean;
    }
  | { readonly kind: "link"; readonly name: string; readonly target: string };

export interface Source {
  readonly folder: string;
  readonly entries: readonly SourceEntry[];
  /** What was left out and may be missed. */
  readonly warnings: readonly string[];
}

/** Left out always: what others made, what is installed for the target, and what may be secret. */
export const ALWAYS_IGNORED = [
  ".git",
  "node_modules",
  "__pycache__",
  "*.pyc",
  ".venv",
  "venv",
  ".env",
  ".env.*",
  ".faas",
  ".packages",
  ".interface.mjs",
  ".interface.py",
  ".DS_Store",
  "*~",
  "*.sw[a-p]",
  ".#*",
];
export const IGNORE_FILES = [".gitignore", ".faasignore"];
const FILES_MOST = 20_000;

/** The files of a folder without what is ignored. SOURCE_UNREADABLE, SOURCE_EMPTY, SOURCE_TOO_LARGE. */
export async function readSource(dir: string, sizeLimitBytes: number): Promise<Source> {
  const folder = resolve(dir);
  const entries: SourceEntry[] = [];
  const warnings: string[] = [];
  let size = 0;
  const real = await realpath(folder).catch((error) => {
    throw unreadable(folder, error);
  });
  if (!(await stat(real)).isDirectory())
    throw new FaasError("SOURCE_UNREADABLE", `Expected a folder, and ${folder} is none`);

  const walk = async (path: string, rules: readonly Rules[]): Promise<void> => {
    const own = await readRules(path);
    const all = own ? [...rules, own] : rules;
    const children = await readdir(path, { withFileTypes: true }).catch((error) => {
      throw unreadable(path, error);
    });
    for (const child of children.sort(byName)) {
      const childPath = join(path, child.name);
      if (isIgnored(childPath, child.isDirectory(), all)) continue;
      const name = relative(real, childPath);
      if (child.isDirectory()) await walk(childPath, all);
      else if (child.isSymbolicLink()) await addLink(real, name, childPath, entries, warnings);
      else if (child.isFile()) {
        const { size: bytes, mode } = await stat(childPath);
        size += bytes;
        entries.push({ kind: "file", name, path: childPath, size: bytes, executable: (mode & 0o100) !== 0 });
        if (size > sizeLimitBytes || entries.length > FILES_MOST) throw tooLarge(folder, sizeLimitBytes);
      } else warnings.push(`${name} is no file and was left out`);
    }
  };
  await walk(real, [{ folder: real, rules: ignore().add(ALWAYS_IGNORED) }]);
  if (entries.length === 0)
    throw new FaasError(
      "SOURCE_EMPTY",
      `There is nothing to deploy in ${folder}: it is empty, or all of it is ignored`,
    );
  return { folder: real, entries, warnings };
}

export interface Rules {
  readonly folder: string;
  readonly rules: Ignore;
}

const byName = (a: Dirent, b: Dirent) => (a.name < b.name ? -1 : 1);

async function readRules(folder: string): Promise<Rules | undefined> {
  const texts = await Promise.all(IGNORE_FILES.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
  return texts.some((text) => text !== "") ? { folder, rules: ignore().add(texts.join("\n")) } : undefined;
}

/** Whether the folder's ignore files leave a path out: the innermost that says something counts. */
export function isIgnored(path: string, isFolder: boolean, all: readonly Rules[]): boolean {
  let ignored = false;
  for (const { folder, rules } of all) {
    const result = rules.test(relative(folder, path) + (isFolder ? "/" : ""));
    if (result.ignored) ignored = true;
    else if (result.unignored) ignored = false;
  }
  return ignored;
}

async function addLink(
  root: string,
  name: string,
  path: string,
  entries: SourceEntry[],
  warnings: string[],
): Promise<void> {
  const target = await realpath(path).catch(() => undefined);
  const inside = target === undefined ? ".." : relative(root, target);
  if (inside.startsWith("..")) {
    warnings.push(`${name} is a symbolic link that leads outside of the folder, and was left out`);
    return;
  }
  entries.push({ kind: "link", name, target: relative(join(path, ".."), target as string) });
}

function unreadable(path: string, error: NodeJS.ErrnoException): FaasError {
  const why =
    error.code === "ENOENT" ? "it does not exist" : error.code === "EACCES" ? "it may not be read" : error.message;
  return new FaasError("SOURCE_UNREADABLE", `Cannot read ${path}: ${why}`, { cause: error });
}

function tooLarge(folder: string, limit: number): FaasError {
  return new FaasError(
    "SOURCE_TOO_LARGE",
    `Expected ${folder} to have at most ${formatSize(limit)} in ${FILES_MOST} files, and it has more; leave files out with a .faasignore`,
  );
}
