import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Lists the running processes of the gateways of a data folder, by name. */
export async function gatewayPids(data: string): Promise<ReadonlyMap<string, number>> {
  const folder = join(data, "gateways");
  const pids = new Map<string, number>();
  for (const file of await readdir(folder).catch(() => [])) {
    // A record may be removed meanwhile.
    const text = await readFile(join(folder, file), "utf8").catch(() => undefined);
    const pid = text === undefined ? undefined : (JSON.parse(text) as { readonly pid: number }).pid;
    if (pid !== undefined && isRunning(pid)) pids.set(file.replace(".json", ""), pid);
  }
  return pids;
}

/** Tells whether a process runs. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
