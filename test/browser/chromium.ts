import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/**
 * Starts the Chromium of this machine, without a window.
 *
 * @throws Error if none is installed
 */
export async function startChromium(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({ executablePath: findChromium(), args: isRoot ? ["--no-sandbox"] : [] });
}

/**
 * Returns the path of the Chromium of this machine.
 *
 * @throws Error if none is installed
 */
export function findChromium(): string {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  if (found === undefined)
    throw new Error(`Expected ${NAMES.join(", ")} on PATH, got none of them: on Debian, "apt-get install chromium"`);
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
