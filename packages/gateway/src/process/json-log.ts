import type { Logger } from "@faas/core";

/** Numbers of the levels in pino's lines. */
const LEVELS = { debug: 20, info: 30, warn: 40, error: 50, silent: 100 };

export type LogLevel = keyof typeof LEVELS;

/** Creates a log that writes lines of JSON as pino does, whose package a gateway does not load. */
export function jsonLog(
  write: (line: string) => void,
  level: LogLevel,
  /** Fields of each line. */
  base: Readonly<Record<string, unknown>> = {},
): Logger {
  const at = (name: LogLevel) => (first: object | string, message?: string) => {
    if (LEVELS[name] < LEVELS[level]) return;
    const fields = typeof first === "string" ? {} : withError(first);
    const msg = typeof first === "string" ? first : message;
    write(`${JSON.stringify({ level: LEVELS[name], time: Date.now(), ...base, ...fields, msg })}\n`);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Replaces the error in `err` by its fields: JSON would drop them. */
function withError(fields: object): object {
  const { err } = fields as { err?: unknown };
  if (!(err instanceof Error)) return fields;
  const { name, message, stack } = err;
  return { ...fields, err: { type: name, message, stack } };
}
