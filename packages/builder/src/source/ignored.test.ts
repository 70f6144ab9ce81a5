import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ignoredIn } from "./ignored.ts";

test("what a watcher is told to ignore is what the bundle leaves out", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "faas-ignored-"));
  t.after(() => rm(root, { recursive: true }));
  await mkdir(join(root, "lib"));
  await writeFile(join(root, ".gitignore"), "*.log\nbuild/\n");
  await writeFile(join(root, "lib/.faasignore"), "!keep.log\ndraft.js\n");
  const ignored = ignoredIn(root);
  const left = ["debug.log", "lib/debug.log", "lib/draft.js", "build/a.js", "node_modules/x/index.js", ".git/HEAD"];
  for (const path of left) assert.ok(ignored(path, false), path);
  for (const path of ["index.js", "draft.js", "lib/keep.log", "build", ".gitignore", "faas.json"])
    assert.ok(!ignored(path, false), path);
  assert.ok(ignored("build", true));
});
