import { FaasError } from "@faas/core";
import type { Io } from "../terminal/io.ts";
import { type OutputFormat, print } from "../terminal/output.ts";
import type { FunctionResult } from "./each-function.ts";

/**
 * Prints the results of several functions as data: as a table the name and the lines of each that succeeded, else a list of all, with the code and message
 * of each error.
 */
export async function printResults<T extends object>(
  results: readonly FunctionResult<T>[],
  format: OutputFormat,
  io: Io,
  linesOf: (value: T) => readonly string[],
): Promise<void> {
  const width = Math.max(...results.map(({ name }) => name.length));
  const listed = results.map((result) =>
    "error" in result
      ? { function: result.name, error: describeError(result.error) }
      : { function: result.name, ...result.value },
  );
  const rows = results.flatMap((result) =>
    "error" in result ? [] : linesOf(result.value).map((line) => `${result.name.padEnd(width)}  ${line}\n`),
  );
  await print(listed, format, io, () => rows.join(""));
}

function describeError(error: unknown): { readonly code?: string; readonly message: string } {
  if (error instanceof FaasError) return { code: error.code, message: error.message };
  return { message: error instanceof Error ? error.message : String(error) };
}
