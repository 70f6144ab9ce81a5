import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** For tests: where a value is found that is to be nowhere. */

/** A value with what quoting, escaping and encoding change, and in its midst what they do not. */
export const newSecretValue = (what: string): string => `${what}-${randomBytes(16).toString("hex")}?&"'\\é%`;

/** The midst of such a value as it is, in base64 whatever stands beside it, in hexadecimal and backwards. */
export function tracesOf(secret: string): readonly string[] {
  const [value = ""] = /[0-9a-f]{32}/.exec(secret) ?? [];
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(value)]).toString("base64");
    // What stands beside the value is in the first and last characters too.
    return text.slice(shift === 0 ? 0 : 4, -4);
  });
  const urlSafe = shifted.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  const hex = Buffer.from(value).toString("hex");
  return [...new Set([value, ...shifted, ...urlSafe, hex, hex.toUpperCase(), [...value].reverse().join("")])];
}

export const hasTrace = (text: string | Buffer, traces: readonly string[]): boolean =>
  traces.some((trace) => text.includes(trace));

/** Paths in a folder, with all below it, whose content or name has a trace. What goes meanwhile is gone. */
export async function filesWith(folder: string, traces: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const path = join(folder, name);
    const stats = await lstat(path).catch(() => undefined);
    const content = stats?.isFile()
      ? await readFile(path).catch(() => "")
      : stats?.isSymbolicLink()
        ? await readlink(path).catch(() => "")
        : "";
    if (hasTrace(name, traces) || hasTrace(content, traces)) found.push(path);
  }
  return found;
}

/** Command lines of all processes that have a trace. */
export function commandLinesWith(traces: readonly string[]): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return hasTrace(line, traces) ? [`${pid} ${line.replaceAll("\0", " ")}`] : [];
      } catch {
        return [];
      }
    });
}
