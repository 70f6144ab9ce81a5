import { mkdtempSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

/** Makes an empty folder that is removed when the calling test ends; called outside a test, when the file's tests have ended. */
export function tempDir(name = "test"): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `faas-${name}-`)));
  after(() => rm(path, { recursive: true, force: true, maxRetries: 3 }));
  return path;
}
