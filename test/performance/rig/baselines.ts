import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { root } from "./local-server.ts";

/** What we are measured against: servers that are started from here. */
export const baselines = process.env.FAAS_BASELINES ?? join(root, "../shared/baselines");
/** What the baselines need is installed here once, as their own up.sh does it. */
export const cache = process.env.FAAS_BASELINES_CACHE ?? join(homedir(), ".cache/faas-baselines");

/** The Python that has Flask and what the original needs. */
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

/** Runs a program to its end; rejects when it fails. */
export async function finished(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with exit code ${code}`);
}
