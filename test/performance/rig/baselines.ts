import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { root } from "./local-server.ts";

/** Folder with the servers that faas is measured against. */
export const baselines = process.env.FAAS_BASELINES ?? join(root, "../shared/baselines");
/** Folder in which the dependencies of the baselines are installed once. */
export const cache = process.env.FAAS_BASELINES_CACHE ?? join(homedir(), ".cache/faas-baselines");

/** Returns the Python with Flask and the dependencies of the original, and installs it first where it is missing. */
export async function pythonOfBaselines(): Promise<string> {
  const python = join(cache, "venv/bin/python");
  const ready = join(cache, "venv/ready");
  if (!existsSync(ready)) {
    await finished("python3", ["-m", "venv", join(cache, "venv")]);
    const requirements = join(baselines, "seed/requirements.txt");
    await finished(join(cache, "venv/bin/pip"), ["install", "--quiet", "-r", requirements]);
    await writeFile(ready, "");
  }
  return python;
}

/**
 * Runs a program to its end.
 *
 * @throws Error when the exit code is not 0
 */
export async function finished(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with exit code ${code}`);
}
