import { readFile } from "node:fs/promises";
import { FaasError, type NewKey, parseVerifier } from "@faas/core";

/**
 * Reads the id and the hash of an admin key that operators keep elsewhere; undefined without a file.
 *
 * @throws USAGE
 */
export async function readVerifier(file: string | undefined): Promise<Pick<NewKey, "id" | "hash"> | undefined> {
  if (file === undefined) return undefined;
  const verifier = parseVerifier(await readFile(file, "utf8"));
  if (verifier) return verifier;
  throw new FaasError("USAGE", `Expected ${file} to hold the id and the SHA-256 of an admin key, "ID:HASH"`);
}
