import assert from "node:assert/strict";
import { test } from "node:test";
import { type Files, sourceFolder } from "../testing/source-folder.ts";
import { build } from "./build.ts";
import { detectSettings } from "./detect-settings.ts";
import { settingsOf } from "./index.ts";

const FUNCTION = "export const handler = () => 1;\n";

for (const [what, files] of [
  ["a function", { "index.mjs": FUNCTION }],
  ["an application", { "server.js": "require('node:http').createServer().listen(process.env.PORT);\n" }],
  ["a site", { "index.html": "home" }],
] satisfies [string, Files][]) {
  test(`detected settings of ${what} are those of a build`, async () => {
    const folder = await sourceFolder(files);
    await using bundle = await build(folder);
    assert.deepEqual(await detectSettings(folder, { buildsImages: false }), settingsOf(bundle));
  });
}

test("a Dockerfile decides where images are built, unless a handler is set", async () => {
  const folder = await sourceFolder({ "index.mjs": FUNCTION, Dockerfile: "FROM scratch\n" });
  assert.deepEqual(await detectSettings(folder, { buildsImages: true }), { runtime: "dockerfile" });
  const others = await detectSettings(folder, { buildsImages: true, handler: "index.handler" });
  assert.deepEqual([others.runtime, others.handler], ["node", "index.handler"]);
  assert.equal((await detectSettings(folder, { buildsImages: false })).runtime, "node");
});
