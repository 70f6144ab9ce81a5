import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { DeploymentSource } from "@faas/core";

const run = promisify(execFile);

/** Time limit for git: a deployment does not wait for a slow file system. */
const TIMEOUT_MS = 5_000;

/** Returns the git commit of a folder, and whether the folder has other changes; nothing where there is no checkout or no git. */
export async function gitSource(
  folder: string,
  signal: AbortSignal,
): Promise<Pick<DeploymentSource, "commit" | "dirty">> {
  // Settings of the repository must not run programs, and a question must not lock it.
  const options = ["--no-optional-locks", "-c", "core.fsmonitor=false"];
  const git = async (...args: readonly string[]) => {
    const { stdout } = await run("git", [...options, ...args], { cwd: folder, timeout: TIMEOUT_MS, signal });
    return stdout.trim();
  };
  try {
    const commit = await git("rev-parse", "--verify", "HEAD");
    if (!/^[0-9a-f]{40,64}$/.test(commit)) return {};
    const changed = await git("status", "--porcelain", "--untracked-files=normal", "--", ".");
    return changed === "" ? { commit } : { commit, dirty: true };
  } catch {
    signal.throwIfAborted();
    return {};
  }
}
