import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { addAbortSignal, Readable } from "node:stream";
import { FaasError } from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import type { Io } from "../terminal/io.ts";

/** What a request is made of, for `faas invoke` and `faas bench`. */
export interface RequestOptions {
  readonly data?: string;
  readonly method?: string;
  /** Lower-case names. */
  readonly header?: Readonly<Record<string, readonly string[]>>;
}

export interface RequestBody {
  readonly body: Buffer | Readable;
  /** Its media type. */
  readonly type: string;
  /** In bytes, where it is known. */
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
/** So much of standard input is looked at to tell its type; what is longer is sent as it comes. */
const LOOKED_AT_BYTES = 64 * 1024;

export function addRequestOptions(command: Command): void {
  command
    .option("-d, --data <data>", "body: text, @file, or - for standard input", notEmptyFile)
    .option("-X, --method <method>", "GET, or POST with --data", methodName)
    .option(
      "-H, --header <name:value>",
      "request header; repeated. Without content-type it is told from the data",
      header,
    );
}

export const methodOf = ({ method, data }: RequestOptions): string => method ?? (data === undefined ? "GET" : "POST");

/**
 * The body that `--data` names. JSON when it parses as JSON, text when it is UTF-8; of a file the extension decides; octets otherwise.
 * With `typed` (the user gave the type) standard input, or a pipe, is not looked at, so that every piece goes on at once.
 */
export async function openBody(data: string, io: Io, typed: boolean): Promise<RequestBody> {
  if (!data.startsWith("@") && data !== "-") return typedBody(Buffer.from(data));
  const file = data === "-" ? undefined : await fileOf(data, io);
  if (file?.length !== undefined) return { body: createReadStream(file.path), type: file.type, length: file.length };
  const input = addAbortSignal(io.signal, file ? createReadStream(file.path) : io.stdin);
  return typed ? { body: input, type: OCTETS } : lookAt(input);
}

/** The same, in memory: to be sent many times. */
export async function readBody(data: string, io: Io): Promise<{ readonly body: Buffer; readonly type: string }> {
  if (data === "-") return typedBody(Buffer.concat(await addAbortSignal(io.signal, io.stdin).toArray()));
  if (!data.startsWith("@")) return typedBody(Buffer.from(data));
  const { path, type } = await fileOf(data, io);
  return { body: await readFile(path), type };
}

/** A pipe is a file too (`@<(command)`), of a length that nobody knows. */
async function fileOf(data: string, io: Io): Promise<{ path: string; type: string; length?: number }> {
  const path = resolve(io.cwd, data.slice(1));
  const found = await stat(path).catch(() => undefined);
  if (!found || found.isDirectory())
    throw new FaasError("USAGE", `Expected the \`--data\` option to name a file after the @, and ${path} is none`);
  const type = TYPES[extname(path).toLowerCase()] ?? OCTETS;
  return { path, type, ...(found.isFile() ? { length: found.size } : {}) };
}

async function lookAt(input: Readable): Promise<RequestBody> {
  const pieces = input[Symbol.asyncIterator]();
  const seen: Buffer[] = [];
  for (let bytes = 0; bytes <= LOOKED_AT_BYTES; bytes += seen.at(-1)?.length ?? 0) {
    const { done, value } = await pieces.next();
    if (done) return typedBody(Buffer.concat(seen));
    seen.push(Buffer.from(value));
  }
  const all = async function* () {
    yield* seen;
    yield* { [Symbol.asyncIterator]: () => pieces };
  };
  return { body: Readable.from(all(), { objectMode: false }), type: OCTETS };
}

function typedBody(body: Buffer) {
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

/** A token (RFC 9110 section 5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

function methodName(text: string): string {
  if (!TOKEN.test(text)) throw new InvalidArgumentError(`a method such as GET or POST, got "${text}"`);
  return text.toUpperCase();
}

function header(text: string, before: Record<string, string[]> = {}): Record<string, string[]> {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(0, colon)).trim().toLowerCase();
  if (!TOKEN.test(name)) throw new InvalidArgumentError(`"Name: value", got "${text}"`);
  return { ...before, [name]: [...(before[name] ?? []), text.slice(colon + 1).trim()] };
}
