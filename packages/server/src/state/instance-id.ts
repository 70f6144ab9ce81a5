import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";

/** In the data folder. */
export const INSTANCE_FILE = "instance";
const FORM = /^local-[0-9a-f]{12}$/;

/**
 * The name by which a server outside of a cluster knows its objects in it. Made once and kept in the data folder: it belongs to the state, not to the
 * machine, and goes where that goes. STATE_DAMAGED when the file holds something else: under another name the server would find all of its own
 * namespaces taken.
 */
export async function instanceOf(dataDir: string): Promise<string> {
  const file = join(dataDir, INSTANCE_FILE);
  const kept = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (kept === undefined) {
    const made = `local-${randomBytes(6).toString("hex")}`;
    await writeFile(`${file}.new`, `${made}\n`, { flush: true });
    await rename(`${file}.new`, file);
    return made;
  }
  const name = kept.trim();
  if (FORM.test(name)) return name;
  throw new FaasError(
    "STATE_DAMAGED",
    `The file ${file} cannot be used: expected "local-" and 12 hexadecimal digits, got ${JSON.stringify(name.slice(0, 40))}. It is the label "faas/instance" of this server's namespaces: kubectl get namespaces -L faas/instance`,
  );
}
