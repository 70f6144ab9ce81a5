import assert from "node:assert/strict";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { tempDir } from "@faas/testing";
import { watchFolder } from "./watch-folder.ts";

interface Watched {
  path(name: string): string;
  /** Waits until the watcher has seen events for all these paths. */
  seen(...paths: string[]): Promise<void>;
  /** Waits for a change of a path; returns all changes since the last call. */
  changed(path: string): Promise<ReadonlySet<string>[]>;
}

/** Watches a folder with `index.js` and an empty folder `lib`. */
async function watch(t: TestContext, ignored: readonly string[] = []): Promise<Watched> {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const folder = tempDir("watch");
  await mkdir(join(folder, "lib"));
  await writeFile(join(folder, "index.js"), "1");
  const batches: ReadonlySet<string>[] = [];
  const looked = new Set<string>();
  let wake = () => {};
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise<void>((resolve) => (wake = resolve));
  };
  await watchFolder(folder, {
    signal: abort.signal,
    onError: assert.ifError,
    ignored: (path) => {
      looked.add(path);
      wake();
      return ignored.includes(path);
    },
    onChange: (paths) => {
      batches.push(paths);
      wake();
    },
  });
  return {
    path: (name) => join(folder, name),
    seen: (...paths) => until(() => paths.every((path) => looked.has(path))),
    changed: async (path) => {
      await until(() => batches.some((batch) => batch.has(path)));
      return batches.splice(0);
    },
  };
}

test("watchFolder reports a saved file", async (t) => {
  const { path, changed } = await watch(t);
  await writeFile(path("index.js"), "2");
  await changed("index.js");
});

test("watchFolder reports every file that an editor renames over the old one", async (t) => {
  const { path, changed } = await watch(t);
  for (const text of ["2", "3", "4"]) {
    await writeFile(path(".index.js.swp"), text);
    await rename(path(".index.js.swp"), path("index.js"));
    await changed("index.js");
  }
});

test("watchFolder reports files saved together as one change", async (t) => {
  const { path, seen, changed } = await watch(t);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const files = ["a.js", "b.js", "lib/c.js"];
  await Promise.all(files.map((file) => writeFile(path(file), "1")));
  await seen(...files);
  t.mock.timers.runAll();
  const [first] = await changed("a.js");
  assert.deepEqual([...(first ?? [])].sort(), files);
});

test("watchFolder reports files in a new folder, and in a folder renamed over an old one", async (t) => {
  const { path, changed } = await watch(t);
  await mkdir(path("new/deep"), { recursive: true });
  await writeFile(path("new/deep/a.js"), "1");
  await changed("new/deep/a.js");
  await writeFile(path("new/deep/a.js"), "2");
  await changed("new/deep/a.js");
  await rm(path("lib"), { recursive: true });
  await rename(path("new/deep"), path("lib"));
  await changed("lib/a.js");
  await writeFile(path("lib/a.js"), "3");
  await changed("lib/a.js");
});

test("watchFolder reports a removed file", async (t) => {
  const { path, changed } = await watch(t);
  await rm(path("index.js"));
  await changed("index.js");
});

test("watchFolder does not report ignored paths", async (t) => {
  const { path, seen, changed } = await watch(t, ["lib", "debug.log"]);
  await writeFile(path("debug.log"), "1");
  await writeFile(path("lib/a.js"), "1");
  await seen("debug.log");
  await writeFile(path("index.js"), "2");
  const paths = (await changed("index.js")).flatMap((batch) => [...batch]);
  assert.deepEqual([...new Set(paths)], ["index.js"]);
});
