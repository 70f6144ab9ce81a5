import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { FaasError } from "@faas/core";
import type { Io } from "../terminal/io.ts";
import { type OutputFormat, print, printStatus } from "../terminal/output.ts";

/** Options of `faas bench compare`. */
export interface CompareOptions {
  readonly failIf?: readonly string[];
  readonly output: OutputFormat;
}

/**
 * Compares two results, and sets the exit code when a condition of `--fail-if` is true.
 *
 * @throws USAGE when a file is not a result, or they have no run in common
 */
export async function compareFiles(
  before: string,
  after: string,
  { failIf = [], output }: CompareOptions,
  io: Io,
): Promise<void> {
  const { compareResults, findViolations, formatComparison, measures, parseBound } = await import("@faas/bench");
  const bounds = failIf.map((text) => {
    const bound = parseBound(text);
    if (bound) return bound;
    throw new FaasError(
      "USAGE",
      `Expected the \`--fail-if\` option to be a measure (${measures.join(", ")}), > or <, and +20% or a value such as 250ms, got "${text}"`,
    );
  });
  const comparisons = compareResults(await readResult(before, io), await readResult(after, io));
  if (comparisons.length === 0)
    throw new FaasError("USAGE", "Expected both results to have a run of the same name, got none");
  await print(comparisons, output, io, formatComparison);
  for (const bound of bounds) {
    for (const { run } of findViolations(comparisons, bound)) {
      printStatus(io, `${run}: ${bound.text} is true`);
      io.exitCode = 1;
    }
  }
}

async function readResult(name: string, io: Io) {
  const { parseResult } = await import("@faas/bench");
  const path = resolve(io.cwd, name);
  try {
    return parseResult(await readFile(path, "utf8"));
  } catch (error) {
    throw new FaasError(
      "USAGE",
      `Expected ${path} to be a result.json of \`faas bench --report\`: ${(error as Error).message}`,
    );
  }
}
