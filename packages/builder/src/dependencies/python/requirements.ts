import { existsSync } from "node:fs";
import { cp, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { FaasError } from "@faas/core";
import { unreadable } from "../../source/source.ts";
import { copyLocalPackages, treeDigest } from "../local-packages.ts";

/** Requirements of a Python function with everything on this machine that they name. */
export interface Requirements {
  /** Folder of the function. */
  readonly folder: string;
  /** Texts of files to write, by absolute path; those of `INSTALL_STEPS` are among them. */
  readonly files: ReadonlyMap<string, string>;
  /** Absolute paths of local packages. */
  readonly paths: readonly string[];
  /** Texts of files to add to the installed packages, by relative path. */
  readonly packageFiles: ReadonlyMap<string, string>;
  /** Inputs of the installation: equal parts install equal dependencies. */
  readonly keyParts: readonly string[];
}

/** Names of the requirements files that are installed, in this order. The Dockerfile in `templates/python` has the same. */
export const REQUIREMENT_FILES = {
  /** Requirements with versions to choose. */
  open: "requirements.txt",
  /** Packages of a lock file, with digests. */
  locked: ".faas-locked.txt",
  /** Packages of a lock file whose digests cannot be checked, such as folders and repositories. */
  sources: ".faas-sources.txt",
} as const;

/** Folder with files to add to the installed packages. */
export const PACKAGE_FILES_FOLDER = ".faas-packages";

/** Copies requirements and local packages to an empty folder, and returns the folder of the requirements files in it. */
export async function copyRequirements(requirements: Requirements, target: string): Promise<string> {
  const { folder, files, paths, packageFiles } = requirements;
  const outside = [...files.keys()].filter((file) => dirname(file) !== folder);
  const local = [...new Set([...paths, ...outside])];
  const copied = await copyLocalPackages({ folder, paths: local, digest: "" }, target);
  for (const [file, text] of files) await writeFile(resolve(copied, relative(folder, file)), text);
  await writePackageFiles(packageFiles, join(copied, PACKAGE_FILES_FOLDER));
  return copied;
}

/** Writes files that are added to the installed packages. */
async function writePackageFiles(files: ReadonlyMap<string, string>, target: string): Promise<void> {
  for (const [name, text] of files) {
    await mkdir(dirname(join(target, name)), { recursive: true });
    await writeFile(join(target, name), text);
  }
}

/** Adds the content of a folder to another one. */
export async function mergeFolder(from: string, to: string): Promise<void> {
  if (existsSync(from)) await cp(from, to, { recursive: true, verbatimSymlinks: true });
}

/** Returns the lines of a requirements file, without comments. */
export const requirementLines = (text: string): string[] =>
  text
    .replace(/^\ufeff/, "")
    .replaceAll(/\\\r?\n/g, " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*/, "").trim())
    .filter((line) => line !== "");

/**
 * Collects requirements with the files that they include and the local packages that they name. Their paths become relative, and editable packages
 * ordinary ones: the installation uses a copy, because building a package writes into its folder.
 */
export class RequirementCollector {
  readonly #folder: string;
  readonly #files = new Map<string, string>();
  readonly #paths = new Set<string>();
  /** Extras of the function's own project, if a line names its folder. */
  ownExtras: readonly string[] | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Adds lines to a requirements file.
   *
   * @throws SOURCE_UNREADABLE
   */
  async add(path: string, lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    // Reserved before the files that it includes: they may include each other.
    const before = this.#files.get(path) ?? "";
    this.#files.set(path, before);
    const collected: string[] = [];
    for (const line of lines) {
      const converted = await this.#collectLine(line, path);
      if (converted !== undefined) collected.push(`${converted}\n`);
    }
    this.#files.set(path, before + collected.join(""));
  }

  /** Adds the function's own folder, to build a package of it. */
  addOwnFolder(file: string, extras: readonly string[]): void {
    const path = join(this.#folder, file);
    this.#paths.add(this.#folder);
    this.#files.set(path, `${this.#files.get(path) ?? ""}.${extras.length > 0 ? `[${extras.join(",")}]` : ""}\n`);
  }

  /** Returns the requirements; undefined if there are none. */
  async finish(packageFiles: ReadonlyMap<string, string>): Promise<Requirements | undefined> {
    const files = new Map([...this.#files].filter(([path, text]) => text !== "" || dirname(path) !== this.#folder));
    if (files.size === 0 && packageFiles.size === 0) return undefined;
    const folder = this.#folder;
    const keyParts = Array.from(files, ([file, text]) => [relative(folder, file), ...requirementLines(text)]).flat();
    for (const each of this.#paths) keyParts.push(relative(folder, each), await localDigest(each));
    keyParts.push(...[...packageFiles].flat());
    return { folder, files, paths: [...this.#paths], packageFiles, keyParts };
  }

  /** Collects what a line names, and returns the line for the copy; undefined for the function's own project. */
  async #collectLine(line: string, path: string): Promise<string | undefined> {
    const [, option, included] = /^(-r|-c|--requirement|--constraint)[\s=]*(.+)$/.exec(line) ?? [];
    if (included !== undefined) {
      if (included.includes("://")) return line;
      // Paths of included files are relative to the including file, paths of packages to pip's working directory.
      const file = resolve(dirname(path), included);
      await this.#include(file);
      return `${option} ${relative(dirname(path), file)}`;
    }
    const [, links] = /^(?:-f|--find-links)[\s=]*(.+)$/.exec(line) ?? [];
    if (links !== undefined) {
      const target = resolve(this.#folder, links);
      if (links.includes("://") || !existsSync(target)) return line;
      this.#paths.add(target);
      return `--find-links ${relativePath(this.#folder, target)}`;
    }
    return this.#packageLine(line);
  }

  async #include(file: string): Promise<void> {
    if (this.#files.has(file)) return;
    const text = await readFile(file, "utf8").catch((error) => {
      throw unreadable(file, error);
    });
    this.#files.set(file, "");
    await this.add(file, requirementLines(text));
  }

  #packageLine(line: string): string | undefined {
    const folder = this.#folder;
    const [, editable, requirement = line] = /^(-e|--editable)[\s=]*(.+)$/.exec(line) ?? [];
    const [, scheme, location = "", rest = ""] =
      /^(?:[\w.-]+\s*(?:\[[^\]]*\])?\s*@\s*)?(file:)?([^\s;[@]+)(.*)$/.exec(requirement) ?? [];
    if (!isLocal(location, (editable ?? scheme) !== undefined, folder)) return requirement;
    const target = resolve(folder, decodeURI(location.replace(/^\/{2,}/, "/")));
    if (target === folder) {
      const [, extras = ""] = /^\s*\[([^\]]*)\]/.exec(rest) ?? [];
      this.ownExtras = [...(this.ownExtras ?? []), ...extras.split(",").map((each) => each.trim())].filter(
        (each) => each !== "",
      );
      return undefined;
    }
    this.#paths.add(target);
    return relativePath(folder, target) + rest;
  }
}

/** Returns true for the path of a package: pip takes a name with a slash for one, and a folder's name after `-e` or `file:`. */
function isLocal(location: string, isExplicit: boolean, folder: string): boolean {
  if (location.includes("://") || location.startsWith("-") || /^(?:git|hg|svn|bzr)\+/.test(location)) return false;
  if (/^\.{1,2}(?:\/|$)/.test(location) || isAbsolute(location)) return true;
  return (isExplicit || location.includes("/")) && existsSync(resolve(folder, location));
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
