import assert from "node:assert/strict";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { RotatingFile } from "./rotating-file.ts";

/** A rotating file in a new folder, and its contents, the oldest first; a missing file is "-". */
function rotating(maxBytes: number, previousFiles: number) {
  const folder = tempDir("rotating");
  const pathOf = (number: number) => join(folder, `log.${number}`);
  const open = () => new RotatingFile({ pathOf, maxBytes, previousFiles, mode: 0o600 });
  const texts = () => Promise.all(open().paths.map((path) => readFile(path, "utf8").catch(() => "-")));
  return { folder, pathOf, open, texts };
}

test("a full file is rotated before the next write, and the oldest one is dropped", async () => {
  const { open, texts } = rotating(4, 2);
  const file = open();
  for (const text of ["aa", "bb", "cc", "dd", "ee", "ff", "gg"]) await file.append(text);
  assert.deepEqual(await texts(), ["ccdd", "eeff", "gg"]);
});

test("a text is never split, and sizes count in bytes", async () => {
  const { open, texts } = rotating(4, 1);
  const file = open();
  for (const text of ["a", "long enough", "üü", "c"]) await file.append(text);
  assert.deepEqual(await texts(), ["üü", "c"]);
});

test("the next process continues the file that it finds, and other users cannot read it", async () => {
  const { open, texts, pathOf } = rotating(4, 1);
  await open().append("aaaa");
  await open().append("b");
  assert.deepEqual(await texts(), ["aaaa", "b"]);
  assert.equal((await stat(pathOf(0))).mode & 0o077, 0);
});

test("a write that fails is the caller's, and the next one continues", async () => {
  const { folder, open, texts, pathOf } = rotating(4, 1);
  const file = open();
  await file.append("aaaa");
  await rm(pathOf(0));
  await mkdir(pathOf(0));
  await writeFile(join(pathOf(0), "in the way"), "");
  await mkdir(pathOf(1));
  await assert.rejects(file.append("b"));
  await rm(pathOf(0), { recursive: true });
  await rm(pathOf(1), { recursive: true, force: true });
  await file.append("c");
  assert.deepEqual(await texts(), ["-", "c"], folder);
});
