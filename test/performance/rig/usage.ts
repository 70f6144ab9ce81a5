import { readdir, readFile } from "node:fs/promises";

/** Reads the CPU time that a process has used, and its resident memory. */
export async function usage(pid: number): Promise<{ readonly cpuSeconds: number; readonly residentMiB: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const threads = await cpuSecondsByThread(pid);
  return {
    // Fields 14 and 15 of stat (proc(5)) count hundredths of a second, and include threads that have ended.
    cpuSeconds: Math.max(
      (Number(fields[11]) + Number(fields[12])) / 100,
      threads.values().reduce((sum, seconds) => sum + seconds, 0),
    ),
    residentMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
  };
}

/** Reads how much of a process's resident memory is its own share of all processes' (PSS), and how much is not that of files. */
export async function residentParts(
  pid: number,
): Promise<{ readonly proportionalMiB: number; readonly anonymousMiB: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]) / 1024;
  return { proportionalMiB: mib("Pss"), anonymousMiB: mib("Anonymous") };
}

/** Reads the CPU seconds of each present thread, which the kernel counts in nanoseconds. */
export async function cpuSecondsByThread(pid: number): Promise<ReadonlyMap<string, number>> {
  const seconds = new Map<string, number>();
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    // The thread may have ended.
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "latin1").catch(() => "0");
    seconds.set(thread, Number(text.split(" ", 1)[0]) / 1e9);
  }
  return seconds;
}
