import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Io } from "../terminal/io.ts";

/**
 * Where `faas up` keeps its state: `--data`, else `FAAS_DATA`, else `faas` in `XDG_DATA_HOME` or in `~/.local/share`
 * (XDG Base Directory Specification; a relative `XDG_DATA_HOME` is to be ignored).
 */
export function dataFolder(option: string | undefined, { env, cwd }: Pick<Io, "env" | "cwd">): string {
  const named = option ?? (env.FAAS_DATA || undefined);
  if (named !== undefined) return resolve(cwd, named);
  const base = env.XDG_DATA_HOME ?? "";
  return isAbsolute(base) ? join(base, "faas") : join(env.HOME || homedir(), ".local", "share", "faas");
}
