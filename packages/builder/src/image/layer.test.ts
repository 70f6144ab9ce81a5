import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { extract, type Header, pack } from "tar-stream";
import { writeLayer } from "./layer.ts";

/** Makes a tar as the engine does, with times, owners and modes. */
function tarOf(mtime: Date, uid: number, more: readonly (Partial<Header> & { name: string })[] = []): Readable {
  const tar = pack();
  const meta = { mtime, uid, gid: uid, uname: `user${uid}` };
  tar.entry({ ...meta, name: "app/", type: "directory" });
  tar.entry({ ...meta, name: "app/bin", mode: 0o775 }, "run");
  tar.entry({ ...meta, name: "app/data", mode: 0o664 }, "x".repeat(100_000));
  tar.entry({ ...meta, name: "app/link", type: "symlink", linkname: "bin" });
  for (const each of more) tar.entry({ ...meta, ...each }, "");
  tar.finalize();
  return Readable.from(tar);
}

test("a layer depends on its content, and not on times and owners", async () => {
  const folder = tempDir("layer");
  const one = await writeLayer(tarOf(new Date(), 1000), join(folder, "one"));
  const two = await writeLayer(tarOf(new Date(2020, 1), 0), join(folder, "two"));
  assert.equal(one.diffId, two.diffId);
  assert.equal(one.entries, 3);
  const other = await writeLayer(tarOf(new Date(), 0, [{ name: "app/more" }]), join(folder, "three"));
  assert.notEqual(other.diffId, one.diffId);

  const found: [string, number | undefined, number | undefined, number | undefined][] = [];
  const tar = extract();
  tar.end(await readFile(one.file));
  for await (const entry of tar) {
    const { name, mode, uid, mtime } = entry.header;
    found.push([name, mode, uid, mtime?.getTime()]);
    entry.resume();
  }
  assert.deepEqual(found, [
    ["app/bin", 0o755, 0, 0],
    ["app/data", 0o644, 0, 0],
    ["app/link", 0o644, 0, 0],
  ]);
});
