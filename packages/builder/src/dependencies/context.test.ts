import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { dependencyContext } from "./context.ts";

async function folderWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "faas-context-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

async function filesOf(t: TestContext, context: Awaited<ReturnType<typeof dependencyContext>>) {
  const target = await folderWith(t, {});
  const place = await context?.copyTo(target);
  const found = await readdir(target, { recursive: true, withFileTypes: true });
  const names = found
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(target.length + 1));
  return { target, place, names: names.sort() };
}

const none = () => assert.fail("no warning was expected");

test("nothing to install, nothing to send", async (t) => {
  const folder = await folderWith(t, { "package.json": "{}", "requirements.txt": "# nothing\n" });
  assert.equal(await dependencyContext("node", folder, none), undefined);
  assert.equal(await dependencyContext("python", folder, none), undefined);
});

test("Node: the manifest, the lock file and .npmrc, and none of the code", async (t) => {
  const folder = await folderWith(t, {
    "package.json": '{"dependencies":{"ms":"2.1.3"}}',
    "package-lock.json": "{}",
    ".npmrc": "audit=false",
    "index.mjs": "code",
    "node_modules/ms/index.js": "installed",
  });
  const { place, names } = await filesOf(t, await dependencyContext("node", folder, none));
  assert.deepEqual([place, names], [".", [".npmrc", "package-lock.json", "package.json"]]);
});

test("code does not change what is installed; the manifest and a package of the disk do", async (t) => {
  const folder = await folderWith(t, {
    "fn/package.json": '{"dependencies":{"lib":"file:../lib"}}',
    "fn/index.mjs": "1",
    "lib/package.json": '{"name":"lib"}',
    "lib/index.js": "1",
  });
  const words = async () => JSON.stringify((await dependencyContext("node", join(folder, "fn"), none))?.words);
  const before = await words();
  await writeFile(join(folder, "fn/index.mjs"), "2");
  assert.equal(await words(), before);
  await writeFile(join(folder, "lib/index.js"), "2");
  assert.notEqual(await words(), before);
});

test("packages of the disk keep their place beside the function's folder", async (t) => {
  const folder = await folderWith(t, {
    "fn/package.json": '{"dependencies":{"lib":"file:../lib"}}',
    "lib/package.json": '{"name":"lib"}',
    "lib/index.js": "1",
  });
  const { place, names } = await filesOf(t, await dependencyContext("node", join(folder, "fn"), none));
  assert.deepEqual(
    [place, names],
    ["local/fn", ["local/fn/package.json", "local/lib/index.js", "local/lib/package.json"]],
  );
});

test("Python: requirements with what they include and name by a path", async (t) => {
  const folder = await folderWith(t, {
    "fn/requirements.txt": "-r more.txt\n-c ../limits.txt\n./wheels/own.whl\nnumpy\n",
    "fn/more.txt": "six",
    "fn/main.py": "code",
    "fn/wheels/own.whl": "zip",
    "limits.txt": "numpy<3",
  });
  const { place, names } = await filesOf(t, await dependencyContext("python", join(folder, "fn"), none));
  assert.equal(place, "local/fn");
  assert.deepEqual(names, [
    "local/fn/more.txt",
    "local/fn/requirements.txt",
    "local/fn/wheels/own.whl",
    "local/limits.txt",
  ]);
});

test("Python: a pyproject.toml becomes a requirements.txt", async (t) => {
  const folder = await folderWith(t, {
    "pyproject.toml": '[project]\nname = "x"\ndependencies = ["six", "numpy>=2"]\n',
  });
  const { target, names } = await filesOf(t, await dependencyContext("python", folder, none));
  assert.deepEqual(names, ["requirements.txt"]);
  assert.equal(await readFile(join(target, "requirements.txt"), "utf8"), "six\nnumpy>=2");
});
