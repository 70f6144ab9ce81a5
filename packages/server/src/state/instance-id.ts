import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";

/** Name of the file in the data folder. */
export const INSTANCE_FILE = "instance";
const PATTERN = /^local-[0-9a-f]{12}$/;

/**
 * Returns the name by which a server outside of a cluster recognizes its objects in it. Created once and kept in the data folder: it belongs to the
 * state, not to the machine, and moves with it.
 *
 * @throws STATE_DAMAGED when the file holds something else: under another name the server would take its own namespaces for another server's
 */
export async function instanceId(dataDir: string): Promise<string> {
  const file = join(dataDir, INSTANCE_FILE);
  const stored = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (stored === undefined) {
    const created = `local-${randomBytes(6).toString("hex")}`;
    await writeFile(`${file}.new`, `${created}\n`, { flush: true });
    await rename(`${file}.new`, file);
    return created;
  }
  const name = stored.trim();
  if (PATTERN.test(name)) return name;
  throw new FaasError(
    "STATE_DAMAGED",
    `Invalid file ${file}: expected "local-" and 12 hexadecimal digits, got ${JSON.stringify(name.slice(0, 40))}. It is the label "faas/instance" of this server's namespaces: kubectl get namespaces -L faas/instance`,
  );
}
