import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Context, Middleware } from "koa";

/** Folder of the built page, in the repository and in a release. */
const FOLDER = join(import.meta.dirname, "../../../ui/dist");
const PREFIX = "/-/ui";
const DOCUMENT = "index.html";
/** Encodings in which the files are stored, the smallest first, with the ends of their names. */
const ENCODINGS = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/**
 * Nothing from other hosts, nothing inline, and no other page may frame this one. Functions have the same origin, below other paths: one that opens this page,
 * or is opened by it, gets no reference to it.
 */
const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "noopener-allow-popups",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  Vary: "Accept-Encoding",
};

interface UiFile {
  readonly type: string;
  readonly etag: string;
  /** Content by encoding; "identity" is present. */
  readonly contents: ReadonlyMap<string, Buffer>;
}

/** Serves the web page at `/-/ui`. Its files are read with the first request, and stay in memory. */
export function uiFiles(folder = FOLDER): Middleware {
  let files: Promise<ReadonlyMap<string, UiFile>> | undefined;
  return async (context, next) => {
    const { path, method } = context;
    if (path !== PREFIX && !path.startsWith(`${PREFIX}/`)) return next();
    if (method !== "GET" && method !== "HEAD") return next();
    files ??= readFiles(folder);
    const name = path.slice(PREFIX.length + 1) || DOCUMENT;
    const file = (await files).get(name);
    if (file === undefined) return next();
    send(context, file, name === DOCUMENT);
  };
}

function send(context: Context, { type, etag, contents }: UiFile, isDocument: boolean): void {
  context.set(HEADERS);
  // The names of the other files change with their content.
  context.set("Cache-Control", isDocument ? "no-cache" : "public, max-age=31536000, immutable");
  context.set("ETag", etag);
  context.status = 200;
  if (context.fresh) {
    context.status = 304;
    return;
  }
  const accepted: readonly string[] = context.acceptsEncodings();
  const encoding = ENCODINGS.map(([name]) => name).find((name) => accepted.includes(name)) ?? "identity";
  const content = contents.get(encoding);
  if (content !== undefined && encoding !== "identity") context.set("Content-Encoding", encoding);
  context.body = content ?? contents.get("identity");
  context.type = type;
}

/** Reads the files of the page; without a build there are none. */
async function readFiles(folder: string): Promise<ReadonlyMap<string, UiFile>> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const found = names.filter((name) => extname(name) in TYPES);
  return new Map(await Promise.all(found.map(async (name) => [name, await readUiFile(folder, name)] as const)));
}

async function readUiFile(folder: string, name: string): Promise<UiFile> {
  const content = await readFile(join(folder, name));
  const contents = new Map([["identity", content]]);
  for (const [encoding, end] of ENCODINGS) contents.set(encoding, await readFile(join(folder, name + end)));
  // Weak: the encodings of a file share it.
  const etag = `W/"${createHash("sha256").update(content).digest("base64url").slice(0, 20)}"`;
  return { type: TYPES[extname(name)] as string, etag, contents };
}
