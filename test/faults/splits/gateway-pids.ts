import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Lists the processes of the gateways of a data folder, by name. */
export async function gatewayPids(data: string): Promise<ReadonlyMap<string, number>> {
  const folder = join(data, "gateways");
  const pids = new Map<string, number>();
  for (const file of await readdir(folder).catch(() => [])) {
    // A record may be removed meanwhile.
    const text = await readFile(join(folder, file), "utf8").catch(() => undefined);
    if (text) pids.set(file.replace(".json", ""), (JSON.parse(text) as { readonly pid: number }).pid);
  }
  return pids;
}
