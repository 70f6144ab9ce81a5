import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { tempDir } from "@faas/testing";
import { SourcePaths } from "./source-paths.ts";

const root = tempDir("source paths");

/** Creates a folder with code, and a link to it. */
async function codeFolder(name: string) {
  const folder = join(root, name);
  await mkdir(folder);
  await symlink(folder, `${folder}-link`);
  return { folder, link: `${folder}-link` };
}

test("paths and addresses in the folder of the code become relative, also where the folder is a link", async () => {
  const { folder, link } = await codeFolder("a");
  const paths = new SourcePaths(undefined);
  paths.locate(link);
  for (const each of [folder, link]) {
    const text = `Error: open ${each}/x.txt\n    at ${pathToFileURL(each)}/index.mjs:2:7 and ${each}/lib/y.js:1`;
    assert.equal(paths.shorten(text), "Error: open x.txt\n    at index.mjs:2:7 and lib/y.js:1");
  }
});

test("with the author's folder they become paths in it", async () => {
  const { folder } = await codeFolder("b");
  const paths = new SourcePaths("/home/me/hello world");
  paths.locate(folder);
  assert.equal(
    paths.shorten(`${pathToFileURL(folder)}/index.mjs ${folder}/x`),
    "file:///home/me/hello%20world/index.mjs /home/me/hello world/x",
  );
});

test("other paths stay, also similar ones, and before the code has a folder", async () => {
  const { folder } = await codeFolder("c");
  const paths = new SourcePaths(undefined);
  const text = `${folder}-other/x ${folder} /etc/passwd`;
  assert.equal(paths.shorten(`${folder}/x`), `${folder}/x`);
  paths.locate(folder);
  assert.equal(paths.shorten(text), text);
});
