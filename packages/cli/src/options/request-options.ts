import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { addAbortSignal, Readable } from "node:stream";
import { FaasError } from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import type { Io } from "../terminal/io.ts";
import { optionWithLaterDefault } from "./value-parsers.ts";

/** Options of a request, for `faas invoke`, `faas bench` and `faas schedule add`. */
export interface RequestOptions {
  readonly data?: string;
  readonly method?: string;
  /** Lower-case names. */
  readonly header?: Readonly<Record<string, readonly string[]>>;
}

export interface RequestBody {
  readonly body: Buffer | Readable;
  /** Media type. */
  readonly type: string;
  /** Bytes, where known. */
  readonly length?: number;
}

const OCTETS = "application/octet-stream";
const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".csv": "text/csv",
  ".gif": "image/gif",
  ".htm": "text/html",
  ".html": "text/html",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".md": "text/markdown; charset=utf-8",
  ".ndjson": "application/x-ndjson",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".xml": "application/xml",
  ".yaml": "application/yaml",
  ".yml": "application/yaml",
};
/** Maximum input that is buffered to detect its type; a longer one is streamed. */
const MAX_DETECTION_BYTES = 64 * 1024;

/** Adds `--data`, `--method` and `--header`. @param defaultMethod for help */
export function addRequestOptions(command: Command, defaultMethod = "GET, or POST with --data"): void {
  command
    .option("-d, --data <data>", "Request body: text, @file, or - for standard input", notEmptyFile)
    .addOption(optionWithLaterDefault("-X, --method <method>", "Request method", defaultMethod).argParser(methodName))
    .option("-H, --header <name:value>", "Request header; repeatable. Content-Type is detected by default", header);
}

/** Returns the request method. */
export const methodOf = ({ method, data }: RequestOptions): string => method ?? (data === undefined ? "GET" : "POST");

/**
 * Opens the body of `--data`. Its media type is that of the file's extension, else JSON when it parses as JSON, text when it is UTF-8, and octets
 * otherwise. With `hasType` (the user gave the type) standard input or a pipe is streamed without buffering.
 *
 * @throws USAGE when the file does not exist
 */
export async function openBody(data: string, io: Io, hasType: boolean): Promise<RequestBody> {
  if (!data.startsWith("@") && data !== "-") return withDetectedType(Buffer.from(data));
  const file = data === "-" ? undefined : await findFile(data, io);
  if (file?.length !== undefined) return { body: createReadStream(file.path), type: file.type, length: file.length };
  const input = addAbortSignal(io.signal, file ? createReadStream(file.path) : io.stdin);
  return hasType ? { body: input, type: OCTETS } : detectType(input);
}

/**
 * Reads the body of `--data` into memory, to send it many times.
 *
 * @throws USAGE when the file does not exist
 */
export async function readBody(data: string, io: Io): Promise<{ readonly body: Buffer; readonly type: string }> {
  if (data === "-") return withDetectedType(Buffer.concat(await addAbortSignal(io.signal, io.stdin).toArray()));
  if (!data.startsWith("@")) return withDetectedType(Buffer.from(data));
  const { path, type } = await findFile(data, io);
  return { body: await readFile(path), type };
}

/** Finds the file of `@file`. A pipe (`@<(command)`) has no known length. */
async function findFile(data: string, io: Io): Promise<{ path: string; type: string; length?: number }> {
  const path = resolve(io.cwd, data.slice(1));
  const found = await stat(path).catch(() => undefined);
  if (!found || found.isDirectory())
    throw new FaasError("USAGE", `Expected the \`--data\` option to name a file after the @: ${path} is not a file`);
  const type = TYPES[extname(path).toLowerCase()] ?? OCTETS;
  return { path, type, ...(found.isFile() ? { length: found.size } : {}) };
}

async function detectType(input: Readable): Promise<RequestBody> {
  const chunks = input[Symbol.asyncIterator]();
  const seen: Buffer[] = [];
  for (let bytes = 0; bytes <= MAX_DETECTION_BYTES; bytes += seen.at(-1)?.length ?? 0) {
    const { done, value } = await chunks.next();
    if (done) return withDetectedType(Buffer.concat(seen));
    seen.push(Buffer.from(value));
  }
  const all = async function* () {
    yield* seen;
    yield* { [Symbol.asyncIterator]: () => chunks };
  };
  return { body: Readable.from(all(), { objectMode: false }), type: OCTETS };
}

function withDetectedType(body: Buffer) {
  const type = isJson(body) ? "application/json" : isUtf8(body) ? "text/plain; charset=utf-8" : OCTETS;
  return { body, type, length: body.length };
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString("utf8"));
    return true;
  } catch {
    return false;
  }
}

function notEmptyFile(text: string): string {
  if (text === "@") throw new InvalidArgumentError('text, @file or -, got "@"');
  return text;
}

/** Token (RFC 9110 section 5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

function methodName(text: string): string {
  if (!TOKEN.test(text)) throw new InvalidArgumentError(`a method such as GET or POST, got "${text}"`);
  return text.toUpperCase();
}

function header(text: string, previous: Record<string, string[]> = {}): Record<string, string[]> {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(0, colon)).trim().toLowerCase();
  if (!TOKEN.test(name)) throw new InvalidArgumentError(`"Name: value", got "${text}"`);
  return { ...previous, [name]: [...(previous[name] ?? []), text.slice(colon + 1).trim()] };
}
