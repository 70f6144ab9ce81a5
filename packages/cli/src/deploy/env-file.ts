import { parseEnv } from "node:util";
import { FaasError } from "@faas/core";

/** Assignments whose value is quoted; the value may have several lines. */
const QUOTED = /^[ \t]*(?:export[ \t]+)?[^\s#=]+[ \t]*=[ \t]*(["'`])[\s\S]*?\1/gm;

/**
 * Parses the text of a `.env` file, as Node does: quoted values may have several lines. Ignores a byte order mark.
 *
 * @throws USAGE with the line that is not NAME=value
 */
export function parseEnvFile(text: string, path: string): Record<string, string> {
  const content = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const unquoted = content.replace(QUOTED, (assignment) => `NAME=${assignment.replace(/[^\n]+/g, "")}`);
  const invalid = unquoted.split("\n").findIndex((each) => /^\s*[^#\s=][^=]*$/.test(each));
  if (invalid >= 0) throw new FaasError("USAGE", `Expected ${path}:${invalid + 1} to be NAME=value`);
  return { ...parseEnv(content) } as Record<string, string>;
}
