import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { request } from "undici";
import { prepare } from "../bundle/prepare.ts";
import { prepareFolder } from "../bundle/prepare-folder.ts";
import { detectedSettings } from "../testing/detected-settings.ts";
import { type Files, sourceFolder, writeFiles } from "../testing/source-folder.ts";

const PAGE = `<!doctype html>${"<p>text</p>".repeat(300)}`;
const FILES: Files = {
  "index.html": PAGE,
  "404.html": "not here",
  "about.html": "about",
  "docs/index.html": "docs",
  "a b.txt": "with a space",
  "app.js": `console.log("x");`.repeat(100),
  "faas.json": "{}",
  ".hidden": "secret",
  ".well-known/security.txt": "contact",
  "assets/main-DkX81s3a.css": "p {}",
};

let server: Server;
let origin: string;

before(async () => {
  server = await serve(FILES);
  origin = originOf(server);
});
after(() => server.close());

/** Builds a folder as a deployment does, with compressed files, and serves it with the server of its bundle. */
async function serve(files: Files, fallback?: string): Promise<Server> {
  const source = await sourceFolder(files);
  const options = fallback === undefined ? {} : { fallback };
  const { compiled } = await prepare(source, options);
  await using folder = await prepareFolder(source, options);
  const target = await sourceFolder({});
  for (const { name, text } of compiled) {
    await writeFiles(target, { [name]: "" });
    await writeFile(join(target, name), text);
  }
  for (const name of Object.keys(files))
    if (!name.startsWith(".hidden")) await writeFiles(target, { [`public/${name}`]: files[name] ?? "" });
  assert.equal(folder.app, "static");
  const { default: listener } = createRequire(import.meta.url)(join(target, "index.cjs"));
  const started = createServer(listener).listen(0, "127.0.0.1");
  await once(started, "listening");
  return started;
}

const originOf = (started: Server) => `http://127.0.0.1:${(started.address() as AddressInfo).port}`;

async function get(path: string, headers: Record<string, string> = {}, method: "GET" | "HEAD" | "POST" = "GET") {
  const response = await request(`${origin}${path}`, { headers, method });
  const body = Buffer.from(await response.body.arrayBuffer());
  return { status: response.statusCode, headers: response.headers, body, text: body.toString() };
}

for (const [path, text, type] of [
  ["/", PAGE, "text/html; charset=utf-8"],
  ["/docs/", "docs", "text/html; charset=utf-8"],
  ["/about", "about", "text/html; charset=utf-8"],
  ["/a%20b.txt?x=1", "with a space", "text/plain; charset=utf-8"],
  ["/.well-known/security.txt", "contact", "text/plain; charset=utf-8"],
] as const)
  test(`serves ${path} with its type`, async () => {
    const response = await get(path);
    assert.deepEqual([response.status, response.text, response.headers["content-type"]], [200, text, type]);
  });

for (const path of [
  "/.hidden",
  "/faas.json",
  "/site.json",
  "/index.cjs",
  "/../site.json",
  "/%2e%2e/site.json",
  "/br/app.js",
  "/nothing",
])
  test(`answers ${path} with the page for missing files`, async () => {
    const { status, text, headers } = await get(path, { range: "bytes=0-1" });
    assert.deepEqual([status, text, headers.etag], [404, "not here", undefined]);
  });

test("answers a revalidation with 304, and a range with 206", async () => {
  const { headers } = await get("/app.js");
  const etag = String(headers.etag);
  assert.match(etag, /^"[\w-]{22}"$/);
  assert.ok(headers["last-modified"]);
  assert.equal((await get("/app.js", { "if-none-match": etag })).status, 304);
  assert.equal((await get("/app.js", { "if-none-match": etag, "cache-control": "no-cache" })).status, 304);
  const part = await get("/app.js", { range: "bytes=0-6" });
  assert.deepEqual([part.status, part.text, part.headers["content-range"]], [206, "console", "bytes 0-6/1700"]);
  assert.equal((await get("/app.js", { range: "bytes=9000-" })).status, 416);
  assert.equal((await get("/app.js", { range: "bytes=0-6", "if-range": '"other"' })).status, 200);
});

test("sends compressed files to clients that accept them, with tags of their own", async () => {
  const plain = await get("/");
  const br = await get("/", { "accept-encoding": "gzip, deflate, br, zstd" });
  const gzip = await get("/", { "accept-encoding": "gzip" });
  assert.equal(br.headers["content-encoding"], "br");
  assert.equal(brotliDecompressSync(br.body).toString(), PAGE);
  assert.equal(gunzipSync(gzip.body).toString(), PAGE);
  assert.equal(new Set([plain, br, gzip].map(({ headers }) => headers.etag)).size, 3);
  for (const { headers } of [plain, br, gzip]) assert.equal(headers.vary, "Accept-Encoding");
  assert.equal((await get("/", { "accept-encoding": "br;q=0, gzip;q=0" })).headers["content-encoding"], undefined);
});

test("redirects to the trailing slash of a folder, under the prefix of the endpoint", async () => {
  const { status, headers } = await get("/docs?x=1", { "x-forwarded-prefix": "/acme/site" });
  assert.deepEqual([status, headers.location], [301, "/acme/site/docs/?x=1"]);
  assert.equal((await get("/docs")).headers.location, "/docs/");
});

test("lets caches keep only files whose name changes with their content", async () => {
  assert.equal((await get("/assets/main-DkX81s3a.css")).headers["cache-control"], "max-age=31536000, immutable");
  assert.equal((await get("/app.js")).headers["cache-control"], "max-age=0, must-revalidate");
});

test("answers HEAD without a body, and rejects other methods", async () => {
  const head = await get("/app.js", {}, "HEAD");
  assert.deepEqual([head.status, head.headers["content-length"], head.text], [200, "1700", ""]);
  const post = await get("/app.js", {}, "POST");
  assert.deepEqual([post.status, post.headers.allow], [405, "GET, HEAD"]);
});

test("answers paths of a single-page app with its page, but not missing files", async () => {
  const app = await serve({ "index.html": "app" }, "index.html");
  after(() => app.close());
  const page = await request(`${originOf(app)}/users/7`);
  assert.deepEqual([page.statusCode, await page.body.text()], [200, "app"]);
  const missing = await request(`${originOf(app)}/old.js`);
  assert.equal(missing.statusCode, 404);
  await missing.body.dump();
});

test("builds the same bundle from the same files", async () => {
  const [first, second] = await Promise.all([prepare(await sourceFolder(FILES)), prepare(await sourceFolder(FILES))]);
  assert.deepEqual(first.compiled, second.compiled);
});

const SITES: readonly (readonly [name: string, files: Files, expected: object | RegExp])[] = [
  [
    "a folder with a page",
    { "index.html": PAGE, "main.js": "document.title = 1;" },
    { app: "static", description: "Static files, index.html" },
  ],
  [
    "a page with a module of its own",
    { "index.html": '<script type="module" src="./main.js"></script>', "main.js": "export function main() {}" },
    { app: "static", description: "Static files, index.html" },
  ],
  [
    "a folder public",
    { "public/index.html": PAGE, "README.md": "" },
    { app: "static", description: "Static files, public/index.html" },
  ],
  [
    "the output of a build that .gitignore excludes",
    {
      "package.json": '{"scripts":{"dev":"vite","build":"vite build"},"devDependencies":{"vite":"*"}}',
      "index.html": '<script type="module" src="/src/main.tsx"></script>',
      "src/main.tsx": "export default 1;",
      ".gitignore": "dist\n",
      "dist/index.html": PAGE,
    },
    { app: "static", description: "Static files, dist/index.html" },
  ],
  [
    "a project that is not built",
    {
      "package.json": '{"scripts":{"build":"vite build"},"devDependencies":{"vite":"*"}}',
      "index.html": '<script type="module" src="/src/main.js"></script>',
      "src/main.js": "",
    },
    /is not built: run npm run build first/,
  ],
  [
    "a function beside a page",
    { "index.mjs": "export const handler = () => 1;", "index.html": PAGE },
    { description: "Node function, index.mjs" },
  ],
];

for (const [name, files, expected] of SITES)
  test(`detects ${name}`, async () => {
    if (expected instanceof RegExp)
      await assert.rejects(detectedSettings(files), { code: "HANDLER_NOT_FOUND", message: expected });
    else assert.deepEqual(await detectedSettings(files), expected);
  });
