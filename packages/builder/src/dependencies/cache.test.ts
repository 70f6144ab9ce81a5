import assert from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { cachedDependencies } from "./cache.ts";

test("builds with the same dependencies install them once", async () => {
  const cacheDir = tempDir("cache");
  let installations = 0;
  const install = async (folder: string) => {
    installations++;
    await mkdir(join(folder, "node_modules/express"), { recursive: true });
  };
  const build = () => cachedDependencies("key", "node_modules", { cacheDir }, install);
  const all = await Promise.all([build(), build(), build()]);
  assert.equal(installations, 1);
  for (const { path } of all) assert.deepEqual(await readdir(path), ["express"]);
});

test("a build whose neighbour fails to install installs by itself", async () => {
  const cacheDir = tempDir("cache");
  const fail = async () => {
    throw new Error("no network");
  };
  const install = async (folder: string) => void (await mkdir(join(folder, "node_modules")));
  const failing = cachedDependencies("key", "node_modules", { cacheDir }, fail);
  const other = cachedDependencies("key", "node_modules", { cacheDir }, install);
  await assert.rejects(failing, /no network/);
  assert.deepEqual(await readdir((await other).path), []);
});
