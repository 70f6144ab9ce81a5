import { readFile } from "node:fs/promises";

/** Reads a file; returns an empty text if it does not exist. */
export function readIfExists(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}
