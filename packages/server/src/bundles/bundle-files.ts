import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readlink, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import type { RevisionFile } from "@faas/core";

/** Lists the files in the folder of a bundle, with the digests of their contents, by path. */
export async function bundleFiles(folder: string): Promise<RevisionFile[]> {
  const files: RevisionFile[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const path = relative(folder, file);
    if (entry.isSymbolicLink()) {
      const target = await readlink(file);
      files.push({ path, bytes: Buffer.byteLength(target), digest: digestOf(createHash("sha256").update(target)) });
    } else if (entry.isFile()) {
      const hash = createHash("sha256");
      for await (const chunk of createReadStream(file)) hash.update(chunk);
      files.push({ path, bytes: (await stat(file)).size, digest: digestOf(hash) });
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const digestOf = (hash: ReturnType<typeof createHash>) => `sha256:${hash.digest("hex")}`;
