import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** Makes a value with characters that quoting, escaping and encoding change, and a random part that they do not change. */
export const newSecretValue = (what: string): string => `${what}-${randomBytes(16).toString("hex")}?&"'\\é%`;

/** Returns the random part of such a value as it is, in base64 at each offset, in hexadecimal and reversed. */
export function tracesOf(secret: string): readonly string[] {
  const [value = ""] = /[0-9a-f]{32}/.exec(secret) ?? [];
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(value)]).toString("base64");
    // The first and last characters also encode the neighboring bytes.
    return text.slice(shift === 0 ? 0 : 4, -4);
  });
  const urlSafe = shifted.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  const hex = Buffer.from(value).toString("hex");
  return [...new Set([value, ...shifted, ...urlSafe, hex, hex.toUpperCase(), [...value].reverse().join("")])];
}

export const hasTrace = (text: string | Buffer, traces: readonly string[]): boolean =>
  traces.some((trace) => text.includes(trace));

/** Lists the paths below a folder whose content or name has a trace. Ignores files that are removed meanwhile. */
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

/** Lists the command lines of processes that have a trace. */
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
