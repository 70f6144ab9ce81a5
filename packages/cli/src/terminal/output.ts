import { once } from "node:events";
import { type ErrorCode, FaasError } from "@faas/core/errors";
import { Chalk, type ChalkInstance } from "chalk";
import { Option } from "commander";
import { outputOf } from "./failure-output.ts";
import type { Io } from "./io.ts";

export type OutputFormat = "json" | "yaml" | "table";

/** Creates the option `--output json|yaml|table`. */
export const outputOption = () =>
  new Option("-o, --output <format>", "Output format").choices(["json", "yaml", "table"]).default("table");

/** Returns the colors for a stream: none where it is not a terminal or NO_COLOR (no-color.org) is set. */
export function colors(stream: { isTTY?: boolean }, io: Io): ChalkInstance {
  return new Chalk({ level: stream.isTTY && !io.env.NO_COLOR && io.env.TERM !== "dumb" ? 1 : 0 });
}

/** Prints a value as data on stdout; `table` formats it for people. */
export async function print<T>(value: T, format: OutputFormat, io: Io, table: (value: T) => string): Promise<void> {
  if (format === "json") io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  else if (format === "yaml") io.stdout.write((await import("./yaml.ts")).stringify(value));
  else io.stdout.write(table(value));
}

/** Aligns rows in columns under a head, without rules, so that `awk` can read them. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** Formats bytes for people: 27136 is "26.5 KiB". */
export function humanSize(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power]}`;
}

/** Prints a line for people on stderr. */
export function printStatus(io: Io, text: string): void {
  io.stderr.write(`${text}\n`);
}

/** Prints a warning on stderr. */
export function printWarning(io: Io, text: string): void {
  printStatus(io, `${colors(io.stderr, io).yellow("warning:")} ${text}`);
}

/** Writes to stdout no faster than it is read; returns early when the command is interrupted. */
export async function write(io: Io, chunk: string | Uint8Array): Promise<void> {
  if (io.stdout.write(chunk) || io.signal.aborted) return;
  await once(io.stdout, "drain", { signal: io.signal }).catch((error) => {
    if (!io.signal.aborted) throw error;
  });
}

/** Hints by error code, for errors whose message does not say what to do. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  UNAUTHENTICATED:
    'save a key with "faas login", or set FAAS_TOKEN, which is sent only to a server that --server or FAAS_SERVER names',
  ENDPOINT_NOT_FOUND: 'run "faas list" to see the existing endpoints',
  CALL_NOT_FOUND: 'run "faas calls" to see the existing calls',
  NOT_FOUND: 'the server may have another version: run "faas doctor"',
  STORAGE_FULL: "free space on the server's disk, then try again",
};

/** Prints an error with its code and a hint; the stack only with `verbose`. */
export function showError(error: unknown, io: Io, verbose: boolean): void {
  const color = colors(io.stderr, io);
  const shown = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof FaasError ? ` ${color.dim(`(${error.code})`)}` : "";
  printStatus(io, `${color.red("error:")} ${shown.message}${code}`);
  if (error instanceof FaasError) {
    const { suggestion, lastLogLines, hint = HINTS[error.code] } = error.extensions;
    const output = Array.isArray(lastLogLines) ? outputOf(lastLogLines, shown.message) : [];
    if (output.length > 0) printStatus(io, color.dim("last lines of its output:"));
    for (const line of output) printStatus(io, `  ${line}`);
    if (suggestion) printStatus(io, `${color.yellow("hint:")} did you mean "${suggestion}"?`);
    else if (hint) printStatus(io, `${color.yellow("hint:")} ${hint}`);
  } else if (!verbose && !isSystemError(error)) {
    printStatus(io, `${color.yellow("hint:")} this is a bug in faas: run with --verbose for the stack trace`);
  }
  if (!verbose) return;
  const { stack, cause } = shown;
  printStatus(io, `${stack}${cause ? `\ncaused by ${(cause as Error).stack ?? cause}` : ""}`);
}

/** True for an error of the operating system (EACCES, ENOSPC …): not a bug, and its message names the file. */
const isSystemError = (error: unknown) => typeof (error as NodeJS.ErrnoException | null)?.syscall === "string";
