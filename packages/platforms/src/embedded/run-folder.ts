import { createHash } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Length of a data folder's path up to which socket paths in it are short enough. */
const MAX_DATA_DIR_LENGTH = 45;

/**
 * Creates the private folder for sockets, whose paths are limited to about 100 characters (unix(7)). If possible, it is in the data folder: sandboxed
 * functions may use all of /tmp, from which a single folder cannot be excluded.
 */
export function createRunFolder(dataDir: string, isSandboxed: boolean): string {
  const hash = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  const base = tmpdir().length < 40 ? tmpdir() : "/tmp";
  const folder =
    isSandboxed && dataDir.length <= MAX_DATA_DIR_LENGTH
      ? join(dataDir, "sockets")
      : join(base, `faas-${hash}-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  return folder;
}
