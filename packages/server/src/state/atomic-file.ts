import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "./fsync.ts";

/** How the names end under which files are written first: ours alone, so that nobody else can name a half-written one. */
export const TEMPORARY = ".new";

const temporaryOf = (file: string) => `${file}.${randomUUID()}${TEMPORARY}`;

/**
 * Writes a whole file; both it and its name are on disk when it resolves (rename(2), fsync(2)). The one that was there before is kept as
 * `<file>.backup`. Gives the new file, open for appending. When it rejects, the old file is there, or the new one. `mayPlace` rejects when the file
 * may not be put in place.
 */
export async function replaceFile(
  file: string,
  pieces: Iterable<string>,
  mayPlace: () => Promise<void>,
): Promise<FileHandle> {
  const temporary = temporaryOf(file);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, "ax", 0o600);
    for (const piece of pieces) await handle.appendFile(piece);
    await handle.sync();
    await backUp(file);
    // Not sooner: from here on another server that takes the folder over removes the file that we are going to rename.
    await mayPlace();
    await rename(temporary, file).catch(async (error) => {
      if (error.code === "ENOENT") await mayPlace();
      throw error;
    });
    await syncFolder(dirname(file));
    return handle;
  } catch (error) {
    await handle?.close();
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** The present file is good: keeps it under a second name. */
async function backUp(file: string): Promise<void> {
  const temporary = temporaryOf(file);
  await link(file, temporary)
    .then(() => rename(temporary, `${file}.backup`))
    .catch((error) => {
      if (error.code !== "ENOENT") throw error;
    });
}
