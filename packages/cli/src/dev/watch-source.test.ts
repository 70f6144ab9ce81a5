import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { tempDir } from "@faas/testing";
import { watchSource } from "./watch-source.ts";

/** Watches a function's folder with these files; `changed` waits for a change of a path, and returns all changed paths since the last call. */
async function watch(t: TestContext, files: Readonly<Record<string, string>>) {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const folder = tempDir("source");
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  await mkdir(join(folder, "notes"));
  for (const [name, text] of Object.entries(files)) await write(name, text);
  const seen = new Set<string>();
  let wake = () => {};
  const onChange = (paths: ReadonlySet<string>) => {
    for (const path of paths) seen.add(path);
    wake();
  };
  await watchSource(folder, { signal: abort.signal, onChange, onError: assert.ifError });
  const changed = async (path: string) => {
    while (!seen.has(path)) await new Promise<void>((resolve) => (wake = resolve));
    const paths = [...seen].sort();
    seen.clear();
    return paths;
  };
  return { write, changed };
}

test("watchSource reports only files that are deployed", async (t) => {
  const { write, changed } = await watch(t, { "index.mjs": "1", ".gitignore": "notes/\n" });
  await write("notes/a.txt", "not deployed");
  await write(".index.mjs.swp", "of an editor");
  await write("index.mjs", "2");
  assert.deepEqual(await changed("index.mjs"), ["index.mjs"]);
});

test("watchSource reports .env, which has the values of secrets", async (t) => {
  const { write, changed } = await watch(t, { "index.mjs": "1", ".env": "KEY=one\n" });
  await write(".env", "KEY=two\n");
  assert.deepEqual(await changed(".env"), [".env"]);
});

test("watchSource applies changed ignore rules", async (t) => {
  const { write, changed } = await watch(t, { "index.mjs": "1", "notes/a.txt": "1", ".gitignore": "" });
  await write(".gitignore", "notes/\n");
  await changed(".gitignore");
  await write("notes/a.txt", "2");
  await write("index.mjs", "2");
  assert.deepEqual(
    (await changed("index.mjs")).filter((path) => path !== ".gitignore"),
    ["index.mjs"],
  );
});
