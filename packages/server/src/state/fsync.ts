import { open } from "node:fs/promises";

/** Flushes the names in a folder to disk: fsync of a file alone does not (fsync(2)). */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

/** True for a full file system, an exceeded quota, or an exceeded file size limit (setrlimit(2)). */
export function isStorageFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
}
