import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { tempDir } from "@faas/testing";
import Koa from "koa";
import { uiFiles } from "./ui-files.ts";

const folder = tempDir("ui");
const contents = { "index.html": "<!doctype html>".repeat(20), "page-0123456789.js": "page();".repeat(50) };
for (const [name, text] of Object.entries(contents)) {
  await writeFile(join(folder, name), text);
  await writeFile(join(folder, `${name}.br`), brotliCompressSync(text));
  await writeFile(join(folder, `${name}.gz`), gzipSync(text));
}
const app = new Koa();
app.use(uiFiles(folder));
const listener = app.listen(0, "127.0.0.1");
after(() => listener.close());
await once(listener, "listening");
const { port } = listener.address() as { port: number };
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: { "accept-encoding": "identity", ...headers } });

test("serves the document, which browsers check each time, and files that they keep", async () => {
  for (const path of ["/-/ui", "/-/ui/"]) {
    const response = await get(path);
    assert.equal(await response.text(), contents["index.html"]);
    assert.equal(response.headers.get("cache-control"), "no-cache");
    assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'; script-src 'self';/);
    // Without the header, fetch adds "no-cache".
    const validators = { "if-none-match": response.headers.get("etag") ?? "", "cache-control": "max-age=0" };
    const again = await get(path, validators);
    assert.equal(again.status, 304);
  }
  const script = await get("/-/ui/page-0123456789.js");
  assert.match(script.headers.get("cache-control") ?? "", /immutable/);
  assert.equal(script.headers.get("content-type"), "text/javascript; charset=utf-8");
});

test("sends the smallest encoding that the browser accepts", async () => {
  for (const [accepted, expected] of [
    ["gzip, deflate, br", "br"],
    ["gzip", "gzip"],
    ["identity", null],
  ] as const) {
    const response = await get("/-/ui/page-0123456789.js", { "accept-encoding": accepted });
    assert.equal(response.headers.get("content-encoding"), expected);
    assert.equal(await response.text(), contents["page-0123456789.js"]);
  }
});

test("serves nothing else", async () => {
  for (const path of ["/-/ui/missing.js", "/-/ui/page-0123456789.js.br", "/-/ui/../package.json", "/-/uix"])
    assert.equal((await get(path)).status, 404, path);
});
