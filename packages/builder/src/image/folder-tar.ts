import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { normalizeHeader } from "./layer.ts";

/** Counts the entries of a tar while it is read. */
export interface FolderTar {
  readonly tar: Readable;
  entries(): number;
}

/** Packs the content of a folder under `name`, without the folder itself: the bytes that `writeLayer` makes of the engine's tar of it. */
export function folderTar(folder: string, name: string): FolderTar {
  const tar = pack();
  let entries = 0;
  const add = async (path: string, entryName: string): Promise<void> => {
    // As in Go, by bytes.
    const names = (await readdir(path)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const each of names) {
      const child = join(path, each);
      const childName = `${entryName}/${each}`;
      const stats = await lstat(child);
      if (await addEntry(tar, child, childName, stats)) entries++;
      if (stats.isDirectory()) await add(child, childName);
    }
  };
  add(folder, name).then(
    () => tar.finalize(),
    (error) => tar.destroy(error),
  );
  return { tar: tar as unknown as Readable, entries: () => entries };
}

async function addEntry(tar: Pack, path: string, name: string, stats: Stats): Promise<boolean> {
  const { mode, size } = stats;
  if (stats.isDirectory()) tar.entry(normalizeHeader({ name: `${name}/`, type: "directory", mode, size: 0 }));
  else if (stats.isSymbolicLink())
    tar.entry(normalizeHeader({ name, type: "symlink", linkname: await readlink(path), mode, size: 0 }));
  else if (stats.isFile())
    await pipeline(createReadStream(path), tar.entry(normalizeHeader({ name, type: "file", mode, size })));
  else return false;
  return true;
}
