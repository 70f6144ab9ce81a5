import assert from "node:assert/strict";
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";

/**
 * Lists the processes in a pod's containers. The pod's node must be this machine, or a part of it.
 *
 * @param program name of their program; absent: any
 */
export async function processesOf({ metadata, status }: V1Pod, program?: string): Promise<readonly number[]> {
  const ids = (status?.containerStatuses ?? []).map(({ containerID = "" }) => containerID.replace(/^.*\/\//, ""));
  const found: number[] = [];
  for (const pid of await readdir("/proc")) {
    const groups = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "") : "";
    if (!ids.some((id) => id !== "" && groups.includes(id))) continue;
    const executable = basename(await readlink(`/proc/${pid}/exe`).catch(() => ""));
    if (program === undefined || executable === program) found.push(Number(pid));
  }
  assert.ok(found.length > 0, `the processes of ${metadata?.name} do not run on this machine`);
  return found;
}

/** Kills the processes in a pod's containers with SIGKILL; those that have just ended by themselves are left out. */
export async function killProcesses(pod: V1Pod, program?: string): Promise<void> {
  for (const pid of await processesOf(pod, program))
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
}
