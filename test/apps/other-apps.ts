import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { HttpClient } from "@faas/testing";
import type { App } from "./deployed-app.ts";

/** Static files, and programs that were built before. */
export const otherApps: readonly App[] = [
  {
    name: "static-site",
    description: "Static files, index.html",
    quick: true,
    async check(app) {
      const home = await app.fetch("/");
      assert.match(home.headers.get("content-type") ?? "", /^text\/html/);
      const etag = home.headers.get("etag") ?? "";
      assert.match(await home.text(), /<p>Home<\/p>/);
      // fetch would ask for a complete response by Cache-Control.
      using client = new HttpClient(app.address, { headers: { "if-none-match": etag } });
      assert.equal((await client.send("GET", "/")).status, 304);
      const style = await app.fetch("/style.css", { headers: { "accept-encoding": "gzip" } });
      assert.deepEqual(
        [style.headers.get("content-type"), style.headers.get("content-encoding")],
        ["text/css; charset=utf-8", "gzip"],
      );
      const range = await app.fetch("/style.css", { headers: { range: "bytes=0-0", "accept-encoding": "identity" } });
      assert.deepEqual([range.status, await range.text()], [206, "p"]);
      assert.match(await app.text("/docs/"), /Docs/);
      assert.match(await app.text("/none", { status: 404 }), /Not here/);
      assert.equal((await app.fetch("/.interface.mjs")).status, 404);
    },
  },
  {
    name: "go-server",
    description: "Server, ./hello",
    async prepare(folder) {
      const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-trimpath", GOTELEMETRY: "off" };
      await promisify(execFile)("go", ["build", "-o", "hello", "."], { cwd: folder, env });
      await rm(join(folder, "main.go"));
    },
    async check(app) {
      assert.equal(await app.text("/hello/Ada"), "Hello, Ada, from Go");
    },
  },
];
