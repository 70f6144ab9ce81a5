import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const BYTES = 32;

/** Reads the secret from which the control server derives the tokens of its warm pods, or creates it in the data folder. */
export async function poolSecret(dataDir: string): Promise<Buffer> {
  const file = join(dataDir, "warm-pool.secret");
  const known = await readFile(file, "latin1").catch(() => "");
  if (known.length === BYTES * 2) return Buffer.from(known, "hex");
  const secret = randomBytes(BYTES);
  // If that fails, a restarted server replaces the waiting pods; it can start nevertheless.
  await writeFile(file, secret.toString("hex"), { mode: 0o600 }).catch(() => {});
  return secret;
}
