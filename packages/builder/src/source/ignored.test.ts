import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceFolder } from "../testing/source-folder.ts";
import { createIgnoreFilter } from "./ignored.ts";

test("ignores the paths that a bundle leaves out", async () => {
  const root = await sourceFolder({
    ".gitignore": "*.log\nbuild/\n",
    "lib/.faasignore": "!keep.log\ndraft.js\n",
  });
  const isIgnored = createIgnoreFilter(root);
  const ignored = ["debug.log", "lib/debug.log", "lib/draft.js", "build/a.js", "node_modules/x/index.js", ".git/HEAD"];
  for (const path of ignored) assert.ok(isIgnored(path, false), path);
  for (const path of ["index.js", "draft.js", "lib/keep.log", "build", ".gitignore", "faas.json"])
    assert.ok(!isIgnored(path, false), path);
  assert.ok(isIgnored("build", true));
});
