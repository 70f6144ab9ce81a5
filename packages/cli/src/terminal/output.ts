import { once } from "node:events";
import { type ErrorCode, FaasError } from "@faas/core";
import { Chalk, type ChalkInstance } from "chalk";
import { Option } from "commander";
import type { Io } from "./io.ts";

export type OutputFormat = "json" | "yaml" | "table";

/** `--output json|yaml|table`. */
export const outputOption = () =>
  new Option("-o, --output <format>", "how to print").choices(["json", "yaml", "table"]).default("table");

/** Colors for a stream, where it is a terminal and NO_COLOR (no-color.org) is not set. */
export function colors(stream: { isTTY?: boolean }, io: Io): ChalkInstance {
  return new Chalk({ level: stream.isTTY && !io.env.NO_COLOR && io.env.TERM !== "dumb" ? 1 : 0 });
}

/** Prints a value as data; `table` makes the text for people. */
export async function print<T>(value: T, format: OutputFormat, io: Io, table: (value: T) => string): Promise<void> {
  if (format === "json") io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  else if (format === "yaml") io.stdout.write((await import("yaml")).stringify(value));
  else io.stdout.write(table(value));
}

/** Rows as aligned columns under a head; no lines, so that `awk` can read them. */
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

/** Bytes for people: 27136 is "26.5 KiB". */
export function humanSize(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power]}`;
}

/** A line for people. */
export function printStatus(io: Io, text: string): void {
  io.stderr.write(`${text}\n`);
}

/** Writes to stdout no faster than its reader reads; returns early when the command is cut short. */
export async function write(io: Io, piece: string | Uint8Array): Promise<void> {
  if (io.stdout.write(piece) || io.signal.aborted) return;
  await once(io.stdout, "drain", { signal: io.signal }).catch((error) => {
    if (!io.signal.aborted) throw error;
  });
}

/** What helps where the message alone does not say. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  UNAUTHENTICATED:
    '"faas login" asks for a key and keeps it; FAAS_TOKEN is sent to a server that --server or FAAS_SERVER names',
  ORG_NOT_FOUND: '"faas list" shows what there is',
  ENDPOINT_NOT_FOUND: '"faas list" shows what there is',
  NOT_FOUND: "the server may be of another version; see faas doctor",
  STORAGE_FULL: "make room on the server's disk, then do it again",
};

/** What failed, its code, and what helps; a stack only when asked for. */
export function showError(error: unknown, io: Io, verbose: boolean): void {
  const color = colors(io.stderr, io);
  const { message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof FaasError ? ` ${color.dim(`(${error.code})`)}` : "";
  printStatus(io, `${color.red("error:")} ${message}${code}`);
  if (error instanceof FaasError) {
    const { suggestion, lastLogLines, hint = HINTS[error.code] } = error.extensions;
    if (Array.isArray(lastLogLines) && lastLogLines.length > 0) {
      printStatus(io, color.dim("the last lines that it printed:"));
      for (const line of lastLogLines) printStatus(io, `  ${line}`);
    }
    if (suggestion) printStatus(io, `${color.yellow("hint:")} did you mean "${suggestion}"?`);
    else if (hint) printStatus(io, `${color.yellow("hint:")} ${hint}`);
  } else if (!verbose && !isSystemError(error)) {
    printStatus(io, `${color.yellow("hint:")} this is a defect of faas; --verbose shows where`);
  }
  if (verbose) printStatus(io, `${stack}${cause ? `\ncaused by ${(cause as Error).stack ?? cause}` : ""}`);
}

/** Of the operating system (EACCES, ENOSPC …): no defect, and its message names the file. */
const isSystemError = (error: unknown) => typeof (error as NodeJS.ErrnoException | null)?.syscall === "string";
