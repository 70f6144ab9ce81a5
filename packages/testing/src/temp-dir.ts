import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();

/**
 * Makes an empty folder that is removed when this process ends.
 *
 * An `after` hook would be too early: `node:test` runs hooks in the order of their registration, so the folder would be removed before the hooks
 * registered later stop the servers that write to it.
 */
export function tempDir(name = "test"): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `faas-${name}-`)));
  if (folders.size === 0) process.once("exit", removeAll);
  folders.add(path);
  return path;
}

function removeAll(): void {
  for (const path of folders) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}
