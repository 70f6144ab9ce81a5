import { createHash } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Length of a path up to which sockets in the folder have short enough paths (unix(7) allows 107 bytes on Linux, 103 on macOS). */
const MAX_FOLDER_LENGTH = 75;

/**
 * Creates a private folder for Unix sockets of a data folder: in it, where sandboxed functions cannot open them, or in a folder for temporary files where the
 * paths would be too long.
 *
 * @param name tells the folders of a data folder apart
 */
export function socketFolder(dataDir: string, name: string): string {
  const folder = pathOf(dataDir, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Fails when somebody else created the folder.
  chmodSync(folder, 0o700);
  return folder;
}

function pathOf(dataDir: string, name: string): string {
  const folder = join(dataDir, name);
  if (Buffer.byteLength(folder) <= MAX_FOLDER_LENGTH) return folder;
  const hash = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  return join(tmpdir().length < 40 ? tmpdir() : "/tmp", `faas-${hash}-${process.getuid?.() ?? 0}-${name}`);
}
