import { readFile } from "node:fs/promises";

/** What a process has used and has: CPU in seconds (proc(5), fields 14 and 15 of stat), resident memory in MiB. */
export async function usage(pid: number): Promise<{ readonly cpuSeconds: number; readonly residentMiB: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    residentMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
  };
}
