import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Io } from "../terminal/io.ts";

/** Default of `--data`, as help shows it. */
export const DATA_OPTION_DEFAULT = "~/.local/share/faas";

/**
 * Returns the data folder of `faas up`: `--data`, else `FAAS_DATA`, else `faas` in `XDG_DATA_HOME` or in `~/.local/share`
 * (XDG Base Directory Specification, which ignores a relative `XDG_DATA_HOME`).
 */
export function dataFolder(option: string | undefined, { env, cwd }: Pick<Io, "env" | "cwd">): string {
  const named = option ?? (env.FAAS_DATA || undefined);
  if (named !== undefined) return resolve(cwd, named);
  const base = env.XDG_DATA_HOME ?? "";
  return isAbsolute(base) ? join(base, "faas") : join(env.HOME || homedir(), ".local", "share", "faas");
}
