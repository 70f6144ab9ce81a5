import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Claim } from "./claim.ts";

/** Part of a claim that is kept for a process that starts again; its files are in the folder. */
export type KeptClaim = Pick<Claim, "folder" | "env">;

/** Keeps a claim in a file, whose folder the function does not see. Without it, a process that starts again waits for another claim. */
export function keepClaim(path: string, { folder, env }: KeptClaim): void {
  const partial = `${path}.partial`;
  try {
    writeFileSync(partial, JSON.stringify({ folder, env }), { mode: 0o600 });
    renameSync(partial, path);
  } catch (error) {
    console.error(`Cannot keep the claim for a restart: ${(error as Error).message}`);
  }
}

/** Returns the claim that an earlier process of this container has kept; `undefined` if there was none. */
export function readKeptClaim(path: string): KeptClaim | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
