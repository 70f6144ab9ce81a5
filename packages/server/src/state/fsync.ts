import { open } from "node:fs/promises";

/** Puts the names in a folder on disk: fsync of a file alone does not (fsync(2)). */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

/** No room on the file system, over a quota, or over the size that a file may have (setrlimit(2)). */
export function isStorageFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
}
