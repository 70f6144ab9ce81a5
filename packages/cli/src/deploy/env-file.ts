import { parseEnv } from "node:util";
import { FaasError } from "@faas/core";

/**
 * Parses the text of a `.env` file, as Node does.
 *
 * @throws USAGE with the line that is not NAME=value
 */
export function parseEnvFile(text: string, path: string): Record<string, string> {
  const invalid = text.split("\n").findIndex((line) => /^\s*[^#\s=]+\s*$/.test(line));
  if (invalid >= 0) throw new FaasError("USAGE", `Expected ${path}:${invalid + 1} to be NAME=value`);
  return { ...parseEnv(text) } as Record<string, string>;
}
