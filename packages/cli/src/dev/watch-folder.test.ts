import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { watchFolder } from "./watch-folder.ts";

const root = await mkdtemp(join(tmpdir(), "faas-watch-"));
after(() => rm(root, { recursive: true, force: true }));

let count = 0;
/** A watched folder; `until` waits for a change of a path. */
async function watched(t: TestContext, { ignored = [] as string[], quietMs = 15 } = {}) {
  const folder = join(root, String(count++));
  await mkdir(join(folder, "lib"), { recursive: true });
  await writeFile(join(folder, "index.js"), "1");
  const abort = new AbortController();
  t.after(() => abort.abort());
  const batches: ReadonlySet<string>[] = [];
  let wake = () => {};
  const onChange = (paths: ReadonlySet<string>) => {
    batches.push(paths);
    wake();
  };
  await watchFolder(folder, {
    signal: abort.signal,
    quietMs,
    onError: assert.ifError,
    ignored: (path) => ignored.includes(path),
    onChange,
  });
  const until = async (path: string) => {
    const limit = AbortSignal.timeout(5000);
    while (!batches.some((batch) => batch.has(path))) {
      await new Promise<void>((resolve, reject) => {
        wake = resolve;
        limit.addEventListener("abort", () => reject(new Error(`${path} did not change`)));
      });
    }
    return batches.splice(0);
  };
  return { path: (name: string) => join(folder, name), until };
}

test("a saved file is a change", async (t) => {
  const { path, until } = await watched(t);
  await writeFile(path("index.js"), "2");
  await until("index.js");
});

test("a file that an editor renames over the old one is a change, again and again", async (t) => {
  const { path, until } = await watched(t);
  for (const text of ["2", "3", "4"]) {
    await writeFile(path(".index.js.swp"), text);
    await rename(path(".index.js.swp"), path("index.js"));
    await until("index.js");
  }
});

test("files saved together are one change", async (t) => {
  const { path, until } = await watched(t, { quietMs: 300 });
  await Promise.all([writeFile(path("index.js"), "2"), writeFile(path("lib/a.js"), "2"), writeFile(path("b.js"), "2")]);
  const batches = await until("b.js");
  assert.deepEqual(
    batches.map((batch) => [...batch].sort()),
    [["b.js", "index.js", "lib/a.js"]],
  );
});

test("files in a new folder, and in one that was moved over an old one, are seen", async (t) => {
  const { path, until } = await watched(t);
  await mkdir(path("new/deep"), { recursive: true });
  await writeFile(path("new/deep/a.js"), "1");
  await until("new/deep/a.js");
  await writeFile(path("new/deep/a.js"), "2");
  await until("new/deep/a.js");
  await rm(path("lib"), { recursive: true });
  await rename(path("new/deep"), path("lib"));
  await until("lib/a.js");
  await writeFile(path("lib/a.js"), "3");
  await until("lib/a.js");
});

test("a removed file is a change", async (t) => {
  const { path, until } = await watched(t);
  await rm(path("index.js"));
  await until("index.js");
});

test("what is ignored is no change", async (t) => {
  const { path, until } = await watched(t, { ignored: ["lib", "debug.log"] });
  await writeFile(path("debug.log"), "1");
  await writeFile(path("lib/a.js"), "1");
  await writeFile(path("index.js"), "2");
  assert.deepEqual(
    (await until("index.js")).flatMap((batch) => [...batch]),
    ["index.js"],
  );
});
