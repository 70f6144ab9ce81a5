import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, realpath } from "node:fs/promises";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { FaasError } from "@faas/core";
import { tempDir } from "@faas/testing";
import fc from "fast-check";
import { pack } from "tar-stream";
import { BundleStore } from "./bundle-store.ts";

const part = fc.constantFrom("a", "b", "..", ".", "", "a".repeat(300), "ä", "c\0d", "x y", "\\", "...");
const path = fc
  .tuple(fc.constantFrom("", "/", "./"), fc.array(part, { maxLength: 4 }))
  .map(([before, parts]) => before + parts.join("/"));
const entry = fc.record({
  name: path,
  type: fc.constantFrom("file", "file", "directory", "symlink", "link", "character-device", "fifo"),
  linkname: path,
  mode: fc.constantFrom(0o644, 0o755, 0o4777, 0),
});

test("unpacks any tar into its folder or rejects it as BUNDLE_INVALID; nothing and no link leads outside", async () => {
  const base = tempDir("tar");
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 5 }),
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      fc.boolean(),
      async (entries, at, byte, damaged) => {
        const tar = pack();
        for (const { name, type, linkname, mode } of entries) {
          if (type === "file") tar.entry({ name, mode }, "text");
          else tar.entry({ name, type: type as "symlink", linkname, mode });
        }
        tar.finalize();
        const chunks: Buffer[] = [];
        for await (const chunk of tar) chunks.push(chunk as Buffer);
        const bytes = Buffer.concat(chunks);
        if (damaged && bytes.length > 0) bytes[at % Math.min(bytes.length, 2048)] = byte;
        const data = join(base, String(number++));
        await mkdir(data);
        const bundles = new BundleStore(data, 2 ** 20);
        const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
        try {
          await bundles.put(digest, Readable.from([bytes]));
          const folder = await realpath(await bundles.folder(digest));
          for (const each of await readdir(folder, { recursive: true })) {
            const target = await realpath(join(folder, each)).catch(() => folder);
            assert.doesNotMatch(relative(folder, target), /^\.\.(?:\/|$)/, each);
          }
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          assert.ok(error instanceof FaasError && error.code === "BUNDLE_INVALID", String(error));
        }
        assert.deepEqual(await readdir(data), ["bundles"]);
      },
    ),
    { numRuns: 150 },
  );
  assert.equal((await readdir(base)).length, number);
});
