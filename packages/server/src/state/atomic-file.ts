import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "./fsync.ts";

/** Suffix of the names under which files are written first. The names are random, so that no other server can rename a half-written file. */
export const TEMPORARY = ".new";

const temporaryOf = (file: string) => `${file}.${randomUUID()}${TEMPORARY}`;

/**
 * Writes a whole file, which only the server's user can read; both the contents and the name are on disk when it resolves (rename(2), fsync(2)). The
 * previous file is kept as `<file>.backup`, unless `keepsBackup` is false. Returns the new file, open for appending. When it rejects, either the old or the new file has the name. `assertMayReplace` rejects
 * when the file must not be replaced.
 */
export async function replaceFile(
  file: string,
  pieces: Iterable<string>,
  assertMayReplace: () => Promise<void>,
  { keepsBackup = true }: { readonly keepsBackup?: boolean } = {},
): Promise<FileHandle> {
  const temporary = temporaryOf(file);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, "ax", 0o600);
    for (const piece of pieces) await handle.appendFile(piece);
    await handle.sync();
    if (keepsBackup) await backUp(file);
    // Not earlier: from here on another server that takes the folder over removes the file that is about to be renamed.
    await assertMayReplace();
    await rename(temporary, file).catch(async (error) => {
      if (error.code === "ENOENT") await assertMayReplace();
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

/** Gives the present file, which is good, a second name. */
async function backUp(file: string): Promise<void> {
  const temporary = temporaryOf(file);
  await link(file, temporary)
    .then(() => rename(temporary, `${file}.backup`))
    .catch((error) => {
      if (error.code !== "ENOENT") throw error;
    });
}
