import { createHash } from "node:crypto";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { FaasError } from "@faas/core";
import { contentType } from "mime-types";
import { byName, readSource, readSourceFile, type Source, type SourceEntry } from "../source/source.ts";
import { siteServerText } from "./server-text.ts";
import type { Coding, Site, SiteFile } from "./site.ts";

/** Content of the bundle of a site, without the wrapper. */
export interface BuiltSite {
  /** Files of the folder, under `public`. */
  readonly entries: readonly SourceEntry[];
  /** The server, the list of files, and compressed files. */
  readonly files: readonly { readonly name: string; readonly text: string | Uint8Array }[];
  readonly warnings: readonly string[];
}

export interface SiteOptions {
  /** Folder with the files, relative to the source folder; empty for that folder itself. */
  readonly folder: string;
  /** Page for paths without a file, such as `index.html` of a single-page app. */
  readonly fallback?: string | undefined;
  /** False leaves out compressed files, which take a while. */
  readonly isCompressed: boolean;
  readonly sizeLimitBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** Files at the top that describe the project and are not part of the site. */
const OWN_FILES = new Set(["faas.json", "package.json", "package-lock.json", "Dockerfile", "Procfile"]);
/** Types that become smaller. */
const COMPRESSIBLE =
  /^text\/|[/+](?:json|javascript|xml|wasm)\b|manifest|font\/(?:ttf|otf)|ms-fontobject|image\/(?:bmp|x-icon|vnd\.microsoft\.icon)/;
const MIN_COMPRESSED_BYTES = 256;
/** Brotli's best quality takes seconds per megabyte. */
const MAX_BEST_BYTES = 2 ** 20;
/** Names that build tools derive from the content. */
const HASHED =
  /(?:^|\/)(?:_next\/static|_astro|_app\/immutable)\/|(?:^|\/)assets\/.*-[\w-]{8}\.\w+$|^static\/(?:js|css|media)\/.*\.[0-9a-f]{8}\.\w+(?:\.\w+)?$/;

/**
 * Builds the bundle's content for a folder of files.
 *
 * @throws HANDLER_NOT_FOUND if the fallback page is missing
 */
export async function buildSite(source: Source, options: SiteOptions): Promise<BuiltSite> {
  const { folder, fallback, isCompressed, signal } = options;
  // Read by itself, the output of a build is complete: the project's .gitignore often excludes it.
  const content =
    folder === "" ? source : await readSource(join(source.folder, folder), options.sizeLimitBytes, options.signal);
  const entries = content.entries.filter(({ name }) => isServed(name, folder));
  const served = entries.flatMap((entry) => (entry.kind === "file" ? [entry] : []));
  const files: Record<string, SiteFile> = {};
  const compressed: { name: string; text: Uint8Array }[] = [];
  for (const { name, path } of served) {
    signal?.throwIfAborted();
    const bytes = await readSourceFile(path);
    const type = contentType(extname(name) || name) || "application/octet-stream";
    const forms = isCompressed && COMPRESSIBLE.test(type) ? await compress(bytes) : new Map<Coding, Uint8Array>();
    for (const [coding, text] of forms) compressed.push({ name: `${coding}/${name}`, text });
    const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
    files[name] = { type, hash, codings: [...forms.keys()], isHashed: HASHED.test(name) };
  }
  addLinks(entries, files);
  if (fallback !== undefined && files[fallback] === undefined)
    throw new FaasError(
      "HANDLER_NOT_FOUND",
      `Expected the fallback page "${fallback}" among the files of ${content.folder}, but it is missing`,
    );
  const page = fallback ?? (files["200.html"] ? "200.html" : undefined);
  const site: Site = { files, ...(page === undefined ? {} : { fallback: page }) };
  return {
    entries: entries.map((entry) => ({ ...entry, name: `public/${entry.name}` })),
    files: [
      { name: "index.cjs", text: await siteServerText() },
      { name: "site.json", text: JSON.stringify(site) },
      ...compressed.sort(byName),
    ],
    warnings: folder === "" ? [] : content.warnings,
  };
}

/** Returns false for hidden files, except those of well-known URIs (RFC 8615), and for those that describe the project. */
function isServed(name: string, folder: string): boolean {
  const isHidden = name
    .replace(/^\.well-known\//, "")
    .split("/")
    .some((part) => part.startsWith("."));
  return !isHidden && !(folder === "" && OWN_FILES.has(name));
}

/** Adds links to files, which have the same content. */
function addLinks(entries: readonly SourceEntry[], files: Record<string, SiteFile>): void {
  for (const entry of entries) {
    if (entry.kind !== "link") continue;
    const target = files[join(entry.name, "..", entry.target)];
    if (target) files[entry.name] = { ...target, codings: [] };
  }
}

/** Returns the compressed forms that are smaller than the content. */
async function compress(bytes: Buffer): Promise<ReadonlyMap<Coding, Uint8Array>> {
  const forms = new Map<Coding, Uint8Array>();
  if (bytes.length < MIN_COMPRESSED_BYTES) return forms;
  const quality = bytes.length > MAX_BEST_BYTES ? 9 : constants.BROTLI_MAX_QUALITY;
  const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const br = await promisify(brotliCompress)(bytes, { params });
  const gz = await promisify<Buffer, { level: number }, Buffer>(gzip)(bytes, { level: 9 });
  if (br.length < bytes.length * 0.95) forms.set("br", br);
  if (gz.length < bytes.length * 0.95) forms.set("gzip", gz);
  return forms;
}
