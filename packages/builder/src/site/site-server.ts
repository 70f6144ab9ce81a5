/**
 * Serves the files of a site: the function in the bundle of a static folder. The build bundles it with its packages into one file, which runs beside
 * `site.json`, the files in `public`, and their compressed forms in `br` and `gzip`.
 */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import Negotiator from "negotiator";
import send from "send";
import { CODINGS, type Site, type SiteFile } from "./site.ts";

/** Folder of the bundle; `__dirname` exists because the file is bundled as CommonJS. */
const FOLDER = __dirname;
const site = JSON.parse(readFileSync(join(FOLDER, "site.json"), "utf8")) as Site;
const files = new Map(Object.entries(site.files));
/** The files of a revision do not change, and their own times are not deployed. */
const startedAt = new Date().toUTCString();
const YEAR_SECONDS = 31_536_000;

/** Answers a request with a file, a redirect to a folder, or the fallback page. */
export default function serveSite(request: IncomingMessage, response: ServerResponse): void {
  const { method = "GET", url = "/" } = request;
  const [encodedPath = "/", query] = split(url, "?");
  const path = decode(encodedPath);
  if (method !== "GET" && method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    sendText(response, 405, "Method not allowed\n");
  } else if (path === undefined) sendText(response, 400, "Invalid path\n");
  else if (isFolder(path.slice(1))) {
    const { "x-forwarded-prefix": prefix = "" } = request.headers;
    response.setHeader("Location", `${String(prefix)}${encodedPath}/${query === undefined ? "" : `?${query}`}`);
    sendText(response, 301, "");
  } else sendPage(request, response, path.slice(1));
}

/** Returns true for the path of a folder with an index, without a slash at its end. */
const isFolder = (name: string): boolean =>
  name !== "" && !name.endsWith("/") && fileOf(name) === undefined && files.has(`${name}/index.html`);

function sendPage(request: IncomingMessage, response: ServerResponse, name: string): void {
  const found = fileOf(name);
  // A missing script must not be answered with a page.
  const fallback = /\.[A-Za-z0-9]+$/.test(name) ? undefined : site.fallback;
  if (found !== undefined || fallback !== undefined) sendFile(request, response, found ?? fallback ?? "", 200);
  else if (files.has("404.html")) sendFile(request, response, "404.html", 404);
  else sendText(response, 404, "Not found\n");
}

/** Returns the file that a path means: itself, the index of a folder, or a page without its extension. */
function fileOf(name: string): string | undefined {
  const candidates = name === "" || name.endsWith("/") ? [`${name}index.html`] : [name, `${name}.html`];
  return candidates.find((each) => files.has(each));
}

function sendFile(request: IncomingMessage, response: ServerResponse, name: string, status: number): void {
  const file = files.get(name) as SiteFile;
  const codings = CODINGS.filter((coding) => file.codings.includes(coding));
  if (codings.length > 0) response.setHeader("Vary", "Accept-Encoding");
  const accepted = new Negotiator(request).encodings([...codings, "identity"]);
  const coding = codings.find((each) => accepted.includes(each));
  if (coding !== undefined) response.setHeader("Content-Encoding", coding);
  response.statusCode = status;
  response.setHeader("Content-Type", file.type);
  // Not public: the endpoint may be private, and a cache between must not answer others.
  response.setHeader(
    "Cache-Control",
    file.isHashed ? `max-age=${YEAR_SECONDS}, immutable` : "max-age=0, must-revalidate",
  );
  if (status === 200) {
    response.setHeader("ETag", `"${file.hash}${coding === undefined ? "" : `-${coding}`}"`);
    response.setHeader("Last-Modified", startedAt);
  }
  // Clients such as `fetch` send Cache-Control with If-None-Match to bypass caches; `send` would then never respond with 304.
  delete request.headers["cache-control"];
  const root = join(FOLDER, coding ?? "public");
  const isComplete = status !== 200;
  send(request, encodeURI(`/${name}`).replace(/[?#]/g, encodeURIComponent), {
    ...{ root, dotfiles: "allow", index: false, cacheControl: false },
    ...{ etag: !isComplete, lastModified: !isComplete, acceptRanges: !isComplete },
  })
    .on("error", ({ status: code = 500 }: { readonly status?: number }) => {
      for (const header of ["Content-Encoding", "ETag", "Last-Modified", "Cache-Control"])
        response.removeHeader(header);
      sendText(
        response,
        code,
        code === 416 ? "Range not satisfiable\n" : code === 412 ? "Precondition failed\n" : "Error\n",
      );
    })
    .pipe(response);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.end(text);
}

function decode(path: string): string | undefined {
  try {
    const decoded = decodeURIComponent(path);
    return decoded.startsWith("/") && !decoded.includes("\0") ? decoded : undefined;
  } catch {
    return undefined;
  }
}

function split(text: string, separator: string): [string, string?] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
