import { readFile } from "node:fs/promises";

/** Reads the CPU time that a process has used (proc(5), fields 14 and 15 of stat), and its resident memory. */
export async function usage(pid: number): Promise<{ readonly cpuSeconds: number; readonly residentMiB: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    residentMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
  };
}
