import { resolve } from "node:path";
import { Problem } from "../problem.ts";

/** File, symbolic link or folder of a claim. */
export interface ClaimedFile {
  /** Path below the folder of the claim. */
  readonly path: string;
  readonly mode: number;
  /** Bytes of a file; undefined for a link or a folder. */
  readonly size: number | undefined;
  /** Target of a link. */
  readonly link: string | undefined;
}

/** Function that a warm process becomes. */
export interface Claim {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly ClaimedFile[];
  /** Bytes of all files, one after the other. */
  readonly contents: Buffer;
}

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/**
 * Reads the body of a claim: a line of JSON, then the bytes of its files.
 *
 * @throws INVALID_REQUEST
 */
export function readClaim(body: Buffer): Claim {
  const end = body.indexOf("\n");
  const contents = body.subarray(end + 1);
  const { folder, env, digest, files } = parseLine(body.toString("utf8", 0, Math.max(0, end)));
  if (typeof folder !== "string" || folder !== resolve(folder) || folder.includes("\0"))
    throw invalid('expected "folder" to be an absolute path');
  if (!isRecord(env) || !Object.entries(env).every(isVariable))
    throw invalid('expected "env" to have names and texts of variables');
  if (!Array.isArray(files)) throw invalid('expected "files" to be a list');
  const entries = files.map(fileOf);
  const size = entries.reduce((sum, file) => sum + (file.size ?? 0), 0);
  if (size !== contents.length) throw invalid(`expected ${size} bytes of files, got ${contents.length}`);
  const actual = `sha256:${process.getBuiltinModule("node:crypto").hash("sha256", contents)}`;
  if (digest !== actual) throw invalid(`expected files with the digest ${digest}, got ${actual}`);
  return { folder, env: env as Record<string, string>, files: checkLinks(entries), contents };
}

/** @throws INVALID_REQUEST */
function parseLine(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {}
  if (!isRecord(value)) throw invalid("expected a line with a JSON object");
  return value;
}

/** @throws INVALID_REQUEST */
function fileOf(value: unknown): ClaimedFile {
  if (!isRecord(value)) throw invalid("expected each file to be an object");
  const { path, mode, size, link, type } = value;
  if (typeof path !== "string" || !isInside(path)) throw invalid(`the path ${JSON.stringify(path)} is not allowed`);
  if (mode !== undefined && !isCount(mode)) throw invalid(`expected a mode for ${path}`);
  if (link !== undefined) {
    if (typeof link !== "string" || link === "" || link.includes("\0")) throw invalid(`expected a target for ${path}`);
    return { path, mode: 0, size: undefined, link };
  }
  if (type === "folder") return { path, mode: mode ?? FOLDER_MODE, size: undefined, link: undefined };
  if (!isCount(size)) throw invalid(`expected a size for ${path}`);
  return { path, mode: mode ?? FILE_MODE, size, link: undefined };
}

/**
 * Checks that no file is written through a link of the claim, which may lead out of the folder.
 *
 * @throws INVALID_REQUEST
 */
function checkLinks(files: readonly ClaimedFile[]): readonly ClaimedFile[] {
  const links = files.filter(({ link }) => link !== undefined).map(({ path }) => `${path}/`);
  for (const { path } of links.length === 0 ? [] : files)
    if (links.some((link) => path.startsWith(link))) throw invalid(`${path} is below a link`);
  return files;
}

function isInside(path: string): boolean {
  return !path.includes("\0") && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

function isVariable([name, value]: [string, unknown]): boolean {
  if (name === "" || name.includes("=") || name.includes("\0")) return false;
  return typeof value === "string" && !value.includes("\0");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function invalid(reason: string): Problem {
  return new Problem("INVALID_REQUEST", `Invalid claim: ${reason}`);
}
