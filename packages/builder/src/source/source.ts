import type { Dirent, Stats } from "node:fs";
import { readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { FaasError, formatSize } from "@faas/core";
import ignore, { type Ignore } from "ignore";

interface SourceFile {
  readonly kind: "file";
  /** Path in the folder, with `/` as separator and without a leading one. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly executable: boolean;
}

interface SourceLink {
  readonly kind: "link";
  readonly name: string;
  /** Path relative to the folder of the link, within the source folder. */
  readonly target: string;
}

/** A deployed file or link of the source folder. */
export type SourceEntry = SourceFile | SourceLink;

export interface Source {
  /** Real path of the folder. */
  readonly folder: string;
  readonly entries: readonly SourceEntry[];
  readonly sizeBytes: number;
  /** Files that were left out although the function may need them. */
  readonly warnings: readonly string[];
}

/** Files that no rule of the user can include: generated ones, installed dependencies, and possible secrets. */
const NEVER_DEPLOYED = ignore().add([
  ...[".git", "node_modules", "__pycache__", "*.pyc", ".venv", "venv", ".faas", ".packages"],
  ...[".env", ".env.*", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pypirc", "pip.conf", "pip.ini", ".netrc", "_netrc"],
  ...[".git-credentials", ".aws", ".docker", ".kube", ".ssh"],
  ...[".interface.mjs", ".interface.py"],
  ...[".DS_Store", "*~", "*.sw[a-p]", ".#*"],
]);
/** Names of ignore files; the second takes precedence over the first. */
export const IGNORE_FILES = [".gitignore", ".faasignore"];
const MAX_FILES = 20_000;

/** Rules of a folder's ignore files. */
export interface Rules {
  readonly folder: string;
  readonly rules: Ignore;
}

/**
 * Lists the files of a folder without ignored ones, sorted.
 *
 * @throws SOURCE_UNREADABLE
 * @throws SOURCE_EMPTY
 * @throws SOURCE_TOO_LARGE
 */
export async function readSource(dir: string, sizeLimitBytes: number, signal?: AbortSignal): Promise<Source> {
  const folder = await realFolder(resolve(dir));
  const found: Found = { folder, files: [], links: [], warnings: [], sizeBytes: 0, sizeLimitBytes };
  await walk("", [], found, signal);
  const names = new Set(found.files.flatMap(({ name }) => [name, ...parents(name)]));
  const links = await Promise.all(found.links.map((name) => readLink(name, names, found)));
  const entries = [...found.files, ...links.filter((link) => link !== undefined)];
  if (entries.length === 0) {
    throw new FaasError(
      "SOURCE_EMPTY",
      `There is nothing to deploy in ${folder}: the folder is empty or all files are ignored. Expected a file with a function`,
    );
  }
  return { folder, entries: entries.sort(byName), sizeBytes: found.sizeBytes, warnings: found.warnings };
}

interface Found {
  readonly folder: string;
  readonly files: SourceFile[];
  readonly links: string[];
  readonly warnings: string[];
  readonly sizeLimitBytes: number;
  sizeBytes: number;
}

async function realFolder(folder: string): Promise<string> {
  try {
    const real = await realpath(folder);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    throw unreadable(folder, error);
  }
  throw new FaasError("SOURCE_UNREADABLE", `Expected ${folder} to be a folder with a function, but it is a file`);
}

/** Adds the files of a folder to `found`. `prefix` is the folder's path with a `/` at its end, and empty for the root. */
async function walk(prefix: string, outer: readonly Rules[], found: Found, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const path = join(found.folder, prefix);
  const children = await readdir(path, { withFileTypes: true }).catch((error) => {
    throw unreadable(path, error);
  });
  const rules = [...outer, ...(await ownRules(path, children))];
  const deployed = children.filter(
    (child) => !isIgnored(prefix + child.name, child.isDirectory(), rules, found.folder),
  );
  const files = deployed.filter((child) => child.isFile());
  const stats = await Promise.all(files.map(({ name }) => statOf(join(path, name))));
  for (const [i, { name }] of files.entries()) addFile(prefix + name, stats[i] as Stats, found);
  for (const child of deployed) {
    const name = prefix + child.name;
    if (child.isSymbolicLink()) found.links.push(name);
    else if (child.isDirectory()) await walk(`${name}/`, rules, found, signal);
    else if (!child.isFile()) found.warnings.push(`${name} is not a regular file and was left out`);
  }
}

async function ownRules(path: string, children: readonly Dirent[]): Promise<readonly Rules[]> {
  const files = IGNORE_FILES.filter((name) => children.some((child) => child.name === name && !child.isDirectory()));
  if (files.length === 0) return [];
  const texts = await Promise.all(
    files.map((name) =>
      readFile(join(path, name), "utf8").catch((error) => {
        throw unreadable(join(path, name), error);
      }),
    ),
  );
  return [{ folder: path, rules: ignore().add(texts.join("\n")) }];
}

/** Returns true for an ignored path in a folder that is not ignored. Among the user's rules, the innermost match decides. */
export function isIgnored(name: string, isFolder: boolean, all: readonly Rules[], root: string): boolean {
  const slash = isFolder ? "/" : "";
  if (NEVER_DEPLOYED.ignores(name + slash)) return true;
  let ignored = false;
  for (const { folder, rules } of all) {
    const result = rules.test((folder === root ? name : relative(folder, join(root, name))) + slash);
    if (result.ignored) ignored = true;
    else if (result.unignored) ignored = false;
  }
  return ignored;
}

const statOf = (path: string) =>
  stat(path).catch((error) => {
    throw unreadable(path, error);
  });

function addFile(name: string, { size, mode }: Stats, found: Found): void {
  const { folder, files, sizeLimitBytes } = found;
  found.sizeBytes += size;
  files.push({ kind: "file", name, path: join(folder, name), sizeBytes: size, executable: (mode & 0o100) !== 0 });
  if (found.sizeBytes > sizeLimitBytes || files.length > MAX_FILES) {
    const limit = files.length > MAX_FILES ? `${MAX_FILES} files` : formatSize(sizeLimitBytes);
    throw new FaasError(
      "SOURCE_TOO_LARGE",
      `${folder} is too large: expected at most ${limit}. Exclude files that the function does not need with a .faasignore`,
    );
  }
}

async function readLink(name: string, names: ReadonlySet<string>, found: Found): Promise<SourceLink | undefined> {
  const { folder, warnings } = found;
  const path = join(folder, name);
  const linkText = await readlink(path);
  const target = await realpath(path).catch(() => undefined);
  const inside = target === undefined ? undefined : relative(folder, target);
  const problem =
    inside === undefined
      ? "which does not exist"
      : inside === ".." || inside.startsWith("../")
        ? "outside of the folder"
        : names.has(inside)
          ? undefined
          : "which is not deployed";
  if (problem === undefined) return { kind: "link", name, target: relative(dirname(path), target as string) };
  warnings.push(`${name} is a symbolic link to ${linkText}, ${problem}; it was left out`);
  return undefined;
}

function* parents(name: string): Iterable<string> {
  for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1)) yield name.slice(0, end);
}

/** Compares names by code units, which does not depend on the machine's locale. */
export const byName = (a: { readonly name: string }, b: { readonly name: string }) =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

const REASONS: Record<string, string> = {
  ENOENT: "it does not exist",
  ENOTDIR: "a part of its path is not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "its symbolic links form a cycle",
};

/**
 * Reads a deployed file.
 *
 * @throws SOURCE_UNREADABLE
 */
export const readSourceFile = (path: string): Promise<Buffer> =>
  readFile(path).catch((error) => {
    throw unreadable(path, error);
  });

/** Creates a SOURCE_UNREADABLE error from an error of the file system. */
export function unreadable(path: string, cause: unknown): FaasError {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  return new FaasError("SOURCE_UNREADABLE", `Cannot read ${path}: ${REASONS[code] ?? message}`, { cause });
}
