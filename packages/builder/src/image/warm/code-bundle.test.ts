import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { extract } from "tar-stream";
import { packCode } from "./code-bundle.ts";

const pack = (items: Parameters<typeof packCode>[0], sizeBytes = 0) =>
  packCode(items, sizeBytes, tempDir("code"), undefined);

async function entriesOf(tar: Buffer): Promise<[name: string, mode: number | undefined][]> {
  const source = extract();
  source.end(tar);
  const entries: [string, number | undefined][] = [];
  for await (const entry of source) {
    entries.push([entry.header.name, entry.header.mode]);
    entry.resume();
  }
  return entries;
}

test("the bundle has the files with their executable bits, and its digest is that of the tar", async () => {
  const bundle = await pack([
    { name: "index.mjs", text: "1" },
    { name: "run.sh", text: "2", executable: true },
  ]);
  assert.ok(bundle);
  assert.deepEqual(await entriesOf(bundle.tar), [
    ["index.mjs", 0o644],
    ["run.sh", 0o755],
  ]);
  assert.equal(bundle.digest, `sha256:${createHash("sha256").update(bundle.tar).digest("hex")}`);
});

test("code of more than 2,000 files or 4 MiB is not for warm pods", async () => {
  const files = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `f${i}`, text: "" }));
  assert.ok(await pack(files(2_000)));
  assert.equal(await pack(files(2_001)), undefined);
  assert.ok(await pack([{ name: "a", text: Buffer.alloc(3 * 2 ** 20) }]));
  assert.equal(await pack([{ name: "a", text: Buffer.alloc(4 * 2 ** 20) }]), undefined);
  assert.equal(await pack([{ name: "a", text: "" }], 4 * 2 ** 20 + 1), undefined);
});
