import { parseEnv } from "node:util";
import { FaasError } from "@faas/core";

/** Variables of a `.env` file, as Node reads it. USAGE names the line that is none. */
export function parseEnvFile(text: string, path: string): Record<string, string> {
  const wrong = text.split("\n").findIndex((line) => /^\s*[^#\s=]+\s*$/.test(line));
  if (wrong >= 0) throw new FaasError("USAGE", `Expected ${path}:${wrong + 1} to be NAME=value`);
  return { ...parseEnv(text) } as Record<string, string>;
}
