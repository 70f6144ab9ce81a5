import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { FaasError } from "@faas/core";
import { unreadable } from "../source/source.ts";
import { copyLocalPackages, treeDigest } from "./local-packages.ts";

/** Requirements of a Python function with everything on this machine that they name. */
export interface Requirements {
  /** Folder of the function. */
  readonly folder: string;
  /** Texts of files to write, by absolute path; the folder's `requirements.txt` is one of them. */
  readonly files: ReadonlyMap<string, string>;
  /** Absolute paths of local packages. */
  readonly paths: readonly string[];
  /** Inputs of the installation: equal parts install equal dependencies. */
  readonly keyParts: readonly string[];
}

/**
 * Reads a requirements file with the files that it includes and the local packages that it names. Their paths become relative, and editable
 * packages ordinary ones: the installation uses a copy, because building a package writes into its folder.
 *
 * @throws SOURCE_UNREADABLE
 */
export async function readRequirementsFile(path: string, folder: string): Promise<Requirements> {
  const files = new Map<string, string>();
  const paths = new Set<string>();
  await collect(path, folder, files, paths);
  const keyParts = Array.from(files, ([file, text]) => [relative(folder, file), ...requirementLines(text)]).flat();
  for (const each of paths) keyParts.push(relative(folder, each), await localDigest(each));
  return { folder, files, paths: [...paths], keyParts };
}

/** Copies requirements and local packages to an empty folder, and returns the folder of `requirements.txt` in it. */
export async function copyRequirements({ folder, files, paths }: Requirements, target: string): Promise<string> {
  const outside = [...files.keys()].filter((file) => dirname(file) !== folder);
  const local = [...new Set([...paths, ...outside])];
  const copied = await copyLocalPackages({ folder, paths: local, digest: "" }, target);
  for (const [file, text] of files) await writeFile(resolve(copied, relative(folder, file)), text);
  return copied;
}

/** Returns the lines of a requirements file, without comments. */
export const requirementLines = (text: string): string[] =>
  text
    .replaceAll(/\\\r?\n/g, " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*/, "").trim())
    .filter((line) => line !== "");

async function collect(path: string, folder: string, files: Map<string, string>, paths: Set<string>): Promise<void> {
  if (files.has(path)) return;
  const text = await readFile(path, "utf8").catch((error) => {
    throw unreadable(path, error);
  });
  // Reserved before the files that it includes: they may include each other.
  files.set(path, "");
  const lines: string[] = [];
  for (const line of requirementLines(text)) lines.push(await collectLine(line, path, folder, files, paths));
  files.set(path, `${lines.join("\n")}\n`);
}

/** Collects what a line names, and returns the line for the copy. */
async function collectLine(
  line: string,
  path: string,
  folder: string,
  files: Map<string, string>,
  paths: Set<string>,
): Promise<string> {
  const [, option, included] = /^(-r|-c|--requirement|--constraint)[\s=]*(.+)$/.exec(line) ?? [];
  if (included !== undefined) {
    if (included.includes("://")) return line;
    // Paths of included files are relative to the including file, paths of packages to pip's working directory.
    const file = resolve(dirname(path), included);
    await collect(file, folder, files, paths);
    return `${option} ${relative(dirname(path), file)}`;
  }
  const [, links] = /^(?:-f|--find-links)[\s=]*(.+)$/.exec(line) ?? [];
  if (links !== undefined) {
    if (links.includes("://") || !existsSync(resolve(folder, links))) return line;
    paths.add(resolve(folder, links));
    return `--find-links ${relativePath(folder, resolve(folder, links))}`;
  }
  return packageLine(line, folder, paths);
}

function packageLine(line: string, folder: string, paths: Set<string>): string {
  const [, editable, requirement = line] = /^(-e|--editable)[\s=]*(.+)$/.exec(line) ?? [];
  const [, location = "", rest = ""] =
    /^(?:[\w.-]+\s*(?:\[[^\]]*\])?\s*@\s*)?(?:file:(?=[./]))?([^\s;[@]+)(.*)$/.exec(requirement) ?? [];
  if (!isLocal(location, editable !== undefined, folder)) return requirement;
  const target = resolve(folder, decodeURI(location.replace(/^\/{2,}/, "/")));
  paths.add(target);
  return relativePath(folder, target) + rest;
}

/** Returns true for the path of a package: pip takes a name with a slash for one, and a folder's name after `-e`. */
function isLocal(location: string, isEditable: boolean, folder: string): boolean {
  if (location.includes("://") || location.startsWith("-") || /^(?:git|hg|svn|bzr)\+/.test(location)) return false;
  if (/^\.{1,2}(?:\/|$)/.test(location) || isAbsolute(location)) return true;
  return (isEditable || location.includes("/")) && existsSync(resolve(folder, location));
}

function relativePath(folder: string, path: string): string {
  const name = relative(folder, path);
  return name.startsWith("..") ? name : `./${name}`;
}

async function localDigest(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new FaasError("SOURCE_UNREADABLE", `requirements.txt names ${path}, which does not exist`);
  return treeDigest(path);
}

/** Creates requirements from lines that are not in a file. */
export const requirementsOf = (
  folder: string,
  lines: readonly string[],
  constraints: readonly string[],
): Requirements => {
  const hasConstraints = constraints.length > 0;
  const text = [...(hasConstraints ? ["-c constraints.txt"] : []), ...lines].join("\n");
  const files = new Map([[join(folder, "requirements.txt"), `${text}\n`]]);
  if (hasConstraints) files.set(join(folder, "constraints.txt"), `${constraints.join("\n")}\n`);
  return { folder, files, paths: [], keyParts: [...lines, ...constraints] };
};
