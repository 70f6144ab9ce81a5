import { readdir, readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { expectedAndGot, FaasError, nearest, type Project, projectFunctionSchema, projectSchema } from "@faas/core";
import { type JsonText, parseJson } from "./json-position.ts";

export const PROJECT_FILE = "faas.json";

export interface FoundProject {
  /** Absolute path of `faas.json`. */
  readonly path: string;
  /** Folder that contains it. */
  readonly folder: string;
  readonly project: Project;
}

/**
 * Finds the nearest `faas.json`, in `from` or in a folder above it. The search ends at the root of the git repository, inclusive, and below the home
 * folder, so that a stray file there does not apply to every project.
 *
 * @throws CONFIG_INVALID with the position in the file
 */
export async function findProject(from: string): Promise<FoundProject | undefined> {
  const start = resolve(from);
  for (let folder = start; ; folder = dirname(folder)) {
    if (folder === homedir() && folder !== start) return undefined;
    const path = join(folder, PROJECT_FILE);
    const text = await readIfExists(path);
    if (text !== undefined) return { path, folder, project: parseProject(text, path) };
    if (folder === dirname(folder) || (await exists(join(folder, ".git")))) return undefined;
  }
}

/**
 * Checks that a folder exists, before its content is checked.
 *
 * @param typed the folder as the user typed it
 * @throws SOURCE_UNREADABLE when it is missing or a file
 */
export async function checkFolder(path: string, typed: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  if (found)
    throw new FaasError("SOURCE_UNREADABLE", `Expected ${path} to be a folder with a function, but it is a file`);
  const siblings = await readdir(dirname(path), { withFileTypes: true }).catch(() => []);
  const folders = siblings.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  const similar = nearest(basename(path), folders);
  const suggestion = similar === undefined ? undefined : join(dirname(typed), similar);
  throw new FaasError("SOURCE_UNREADABLE", `There is no folder ${path}`, {
    extensions: suggestion === undefined ? {} : { suggestion },
  });
}

/**
 * Parses and validates the text of a `faas.json`.
 *
 * @param path path for messages
 * @throws CONFIG_INVALID with the position of each mistake
 */
export function parseProject(text: string, path: string): Project {
  const json = parseJson(text.replace(/^\ufeff/, ""));
  if ("problem" in json) {
    const { line, column } = json.position;
    throw new FaasError("CONFIG_INVALID", `${path}:${line}:${column}: ${json.problem}`);
  }
  const result = projectSchema.safeParse(json.value, { error: expectedAndGot });
  if (result.success) return result.data;
  const mistakes = result.error.issues.flatMap((issue) => describe(issue, json, path));
  throw new FaasError("CONFIG_INVALID", mistakes.join("\n"));
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Keys of an `unrecognized_keys` issue. */
  readonly keys?: readonly string[];
  /** Problems with the key of an `invalid_key` issue. */
  readonly issues?: readonly unknown[];
}

function describe(issue: Issue, json: Exclude<JsonText, { problem: string }>, file: string): string[] {
  const at = (path: readonly PropertyKey[]) => {
    const position = json.locate(path);
    return position ? `${file}:${position.line}:${position.column}` : file;
  };
  if (issue.code === "unrecognized_keys") {
    return (issue.keys ?? []).map((key) => {
      const path = [...issue.path, key];
      const { shape } = issue.path[0] === "functions" ? projectFunctionSchema : projectSchema;
      const known = nearest(key, Object.keys(shape));
      return `${at(path)}: unknown field "${path.join(".")}"${known ? `; did you mean "${known}"?` : ""}`;
    });
  }
  const [inner] = issue.code === "invalid_key" ? ((issue.issues ?? []) as readonly Issue[]) : [];
  const { message } = inner ?? issue;
  return [`${at(issue.path)}: ${issue.path.length > 0 ? `"${issue.path.join(".")}": ` : ""}${message}`];
}

async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "EACCES" || code === "EPERM")
      throw new FaasError("SOURCE_UNREADABLE", `Cannot read ${path}: permission denied`, { cause });
    throw new FaasError("CONFIG_INVALID", `Cannot read ${path}: ${message}`, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
