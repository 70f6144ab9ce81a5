import { createHash } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Longest path of a Unix socket on all systems (unix(7) allows 107 bytes on Linux, 103 on macOS). */
const MAX_LENGTH = 100;

/**
 * Returns the path of a Unix socket of a data folder: in it, or in a private folder for temporary files where that would be too long.
 *
 * @param name of the file
 */
export function socketPath(dataDir: string, name: string): string {
  const path = join(dataDir, name);
  if (Buffer.byteLength(path) <= MAX_LENGTH) return path;
  const hash = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  const base = tmpdir().length < 40 ? tmpdir() : "/tmp";
  const folder = join(base, `faas-${hash}-${process.getuid?.() ?? 0}-control`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Fails when somebody else created the folder.
  chmodSync(folder, 0o700);
  return join(folder, name);
}
