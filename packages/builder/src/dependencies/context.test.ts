import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { sourceFolder } from "../testing/source-folder.ts";
import { dependencyContext } from "./context.ts";

async function copiedFiles(context: Awaited<ReturnType<typeof dependencyContext>>) {
  const target = tempDir("context");
  const manifestFolder = await context?.copyTo(target);
  const children = await readdir(target, { recursive: true, withFileTypes: true });
  const names = children
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(target.length + 1));
  return { target, manifestFolder, names: names.sort() };
}

test("has no context without dependencies", async () => {
  const folder = await sourceFolder({ "package.json": "{}", "requirements.txt": "# nothing\n" });
  assert.equal(await dependencyContext("node", folder), undefined);
  assert.equal(await dependencyContext("python", folder), undefined);
});

test("a Node context has the manifest, the lock file and .npmrc, but no code", async () => {
  const folder = await sourceFolder({
    "package.json": '{"dependencies":{"ms":"2.1.3"}}',
    "package-lock.json": "{}",
    ".npmrc": "audit=false",
    "index.mjs": "code",
    "node_modules/ms/index.js": "installed",
  });
  const { manifestFolder, names } = await copiedFiles(await dependencyContext("node", folder));
  assert.deepEqual([manifestFolder, names], [".", [".npmrc", "package-lock.json", "package.json"]]);
});

test("key parts depend on local packages, and not on the function's code", async () => {
  const folder = await sourceFolder({
    "fn/package.json": '{"dependencies":{"lib":"file:../lib"}}',
    "fn/index.mjs": "1",
    "lib/package.json": '{"name":"lib"}',
    "lib/index.js": "1",
  });
  const keyParts = async () => JSON.stringify((await dependencyContext("node", join(folder, "fn")))?.keyParts);
  const before = await keyParts();
  await writeFile(join(folder, "fn/index.mjs"), "2");
  assert.equal(await keyParts(), before);
  await writeFile(join(folder, "lib/index.js"), "2");
  assert.notEqual(await keyParts(), before);
});

test("local packages keep their path relative to the function's folder", async () => {
  const folder = await sourceFolder({
    "fn/package.json": '{"dependencies":{"lib":"file:../lib"}}',
    "lib/package.json": '{"name":"lib"}',
    "lib/index.js": "1",
  });
  const { manifestFolder, names } = await copiedFiles(await dependencyContext("node", join(folder, "fn")));
  assert.deepEqual(
    [manifestFolder, names],
    ["local/fn", ["local/fn/package.json", "local/lib/index.js", "local/lib/package.json"]],
  );
});

test("a Python context has the requirements with included files and local packages", async () => {
  const folder = await sourceFolder({
    "fn/requirements.txt": "-r more.txt\n-c ../limits.txt\n./wheels/own.whl\nnumpy\n",
    "fn/more.txt": "six",
    "fn/main.py": "code",
    "fn/wheels/own.whl": "zip",
    "limits.txt": "numpy<3",
  });
  const { manifestFolder, names } = await copiedFiles(await dependencyContext("python", join(folder, "fn")));
  assert.equal(manifestFolder, "local/fn");
  assert.deepEqual(names, [
    "local/fn/more.txt",
    "local/fn/requirements.txt",
    "local/fn/wheels/own.whl",
    "local/limits.txt",
  ]);
});

test("a pyproject.toml becomes a requirements.txt", async () => {
  const folder = await sourceFolder({
    "pyproject.toml": '[project]\nname = "x"\ndependencies = ["six", "numpy>=2"]\n',
  });
  const { target, names } = await copiedFiles(await dependencyContext("python", folder));
  assert.deepEqual(names, ["requirements.txt"]);
  assert.equal(await readFile(join(target, "requirements.txt"), "utf8"), "six\nnumpy>=2\n");
});
