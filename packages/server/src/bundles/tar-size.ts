import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const BLOCK = 512;

/** Returns the size of a folder as a tar: a block for each entry, contents in whole blocks, two blocks at the end. */
export async function tarSizeOf(folder: string): Promise<number> {
  let bytes = 2 * BLOCK;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    bytes += BLOCK;
    if (!entry.isFile()) continue;
    const { size } = await stat(join(entry.parentPath, entry.name));
    bytes += Math.ceil(size / BLOCK) * BLOCK;
  }
  return bytes;
}
