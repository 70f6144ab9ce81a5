import type { LogLine } from "./log-line.ts";

/** Levels of log lines, the least severe first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Words for levels in logs, in lower case. */
const WORDS: Readonly<Record<string, LogLevel>> = {
  trace: "debug",
  verbose: "debug",
  debug: "debug",
  log: "info",
  info: "info",
  information: "info",
  notice: "info",
  default: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  err: "error",
  exception: "error",
  critical: "error",
  fatal: "error",
  alert: "error",
  emergency: "error",
  panic: "error",
};

/** A level at the start of a line, after a time and a logger's name at most, with a mark or in capitals: `ERROR:root:…`, `[warn] …`, `2026-01-01 12:00:00,000 - app - ERROR - …`. */
const AT_START = /^[\d\s:.,TZ+/-]*(?:- ?[\w.]+ ?- ?)?(?:[[(<]?([A-Za-z]{3,11})(?=[\])>:|])|([A-Z]{3,11})(?=[\s-]|$))/;
/** A field of logfmt. */
const LOGFMT = /(?:^|\s)(?:level|lvl|severity)="?([A-Za-z]+)/;
/** The first or the last line of an uncaught error in Python or JavaScript. */
const UNCAUGHT = /^(?:Traceback \(most recent call last\):|Uncaught |(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)\b)/;

/**
 * Returns the level of a line. For a call its status decides: from 500 on it is an error, from 400 on a warning. For a printed line its text decides if
 * it names a level, as the common loggers of both languages write it; else an error for stderr.
 */
export function levelOf({ stream, line, access }: Pick<LogLine, "stream" | "line" | "access">): LogLevel {
  if (access !== undefined) return access.status >= 500 ? "error" : access.status >= 400 ? "warn" : "info";
  const named = line.startsWith("{") ? levelOfJson(line) : levelInText(line);
  return named ?? (stream === "stderr" || UNCAUGHT.test(line) ? "error" : "info");
}

/** Returns true if a line's level is at least the given one. */
export const isAtLeast = (level: LogLevel, minimum: LogLevel): boolean =>
  LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(minimum);

function levelOfJson(line: string): LogLevel | undefined {
  let value: unknown;
  try {
    const { level, severity, levelname } = JSON.parse(line);
    value = level ?? severity ?? levelname;
  } catch {
    return undefined;
  }
  if (typeof value === "string") return WORDS[value.toLowerCase()];
  if (typeof value !== "number") return undefined;
  // The numbers of pino and bunyan.
  if (value >= 50) return "error";
  if (value >= 40) return "warn";
  return value >= 30 ? "info" : "debug";
}

function levelInText(line: string): LogLevel | undefined {
  const [, marked, capitals] = AT_START.exec(line) ?? [];
  const word = marked ?? capitals;
  const level = word === undefined ? undefined : WORDS[word.toLowerCase()];
  if (level !== undefined) return level;
  const field = LOGFMT.exec(line)?.[1];
  return field === undefined ? undefined : WORDS[field.toLowerCase()];
}
