import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Returns the start time of a process, as text to compare: together with the pid, which the system reuses, it identifies the process. Returns undefined if the
 * process does not exist. Reads field 22 of /proc/<pid>/stat on Linux (proc(5)), and runs `ps` elsewhere.
 */
export function processStartedAt(pid: number): string | undefined {
  try {
    if (process.platform === "linux") {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The second field is the command in parentheses, which may contain spaces and parentheses.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[0] === "Z" ? undefined : fields[19];
    }
    const started = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return started || undefined;
  } catch {
    return undefined;
  }
}
