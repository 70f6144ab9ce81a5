import { access } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import type { NamedFunction } from "../project/functions.ts";
import { PROJECT_FILE } from "../project/project.ts";
import type { Io } from "../terminal/io.ts";
import { printStatus, printWarning, showError } from "../terminal/output.ts";
import { ProgressTable, type TableRow } from "../terminal/progress-table.ts";

/** Functions to prepare at a time: each may install packages and compile. */
const MAX_PARALLEL = 4;

/** Result of a function's task, with the text of its row. */
export interface Finished<T> {
  readonly value: T;
  readonly stage: string;
  readonly detail?: string;
}

export type FunctionResult<T> =
  | { readonly name: string; readonly value: T }
  | { readonly name: string; readonly error: unknown };

interface Run<T> {
  readonly io: Io;
  /** Past participle for the summary, such as "Deployed". */
  readonly done: string;
  readonly verbose?: boolean | undefined;
  task(selected: NamedFunction, row: TableRow): Promise<Finished<T>>;
}

/**
 * Runs a task for each function, several at a time, and shows their progress in one table. Errors are printed at the end, each with the name of its
 * function, and make the exit code 1. After Ctrl-C no task begins; those that run are awaited.
 *
 * @throws the reason of `io.signal` after Ctrl-C
 */
export async function forEachFunction<T>(
  functions: readonly NamedFunction[],
  { io, done, verbose = false, task }: Run<T>,
): Promise<readonly FunctionResult<T>[]> {
  const table = new ProgressTable(io, names(functions));
  const results: FunctionResult<T>[] = [];
  const queue = functions.entries();
  const worker = async () => {
    // The workers share the iterator: each function is taken once.
    for (const [index, selected] of queue) {
      if (io.signal.aborted) return;
      results[index] = await runTask(selected, table.row(index), task, io.signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: MAX_PARALLEL }, worker));
  } finally {
    table[Symbol.dispose]();
  }
  io.signal.throwIfAborted();
  const failed = results.flatMap((result, index) => ("error" in result ? [{ ...result, row: table.row(index) }] : []));
  for (const { error, row } of failed) showError(error, row.io, verbose);
  if (failed.length > 0) {
    printStatus(
      io,
      `${done} ${results.length - failed.length} of ${results.length}. Failed: ${names(failed).join(", ")}`,
    );
    io.exitCode = 1;
  }
  return results;
}

async function runTask<T>(
  selected: NamedFunction,
  row: TableRow,
  task: Run<T>["task"],
  signal: AbortSignal,
): Promise<FunctionResult<T>> {
  const { name } = selected;
  try {
    const { value, stage, detail } = await task(selected, row);
    row.finish("succeeded", stage, detail);
    return { name, value };
  } catch (error) {
    row.finish("failed", signal.aborted ? "interrupted" : "failed");
    return { name, error };
  }
}

const names = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);

/**
 * Checks that options for one function are not given for several.
 *
 * @throws USAGE
 */
export function checkOptionsForSeveral(
  functions: readonly NamedFunction[],
  options: Readonly<Record<string, unknown>>,
): void {
  if (functions.length === 1) return;
  const given = Object.keys(options).find((name) => options[name] !== undefined);
  if (given === undefined) return;
  throw new FaasError(
    "USAGE",
    `\`--${given}\` is for one function, got ${names(functions).join(", ")}: name one of them`,
  );
}

/**
 * Prepares the tasks of all functions before the first one begins.
 *
 * @throws USAGE with the name of the function
 */
export async function prepareAll<T>(
  functions: readonly NamedFunction[],
  prepare: (selected: NamedFunction) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  const prepared = new Map<string, T>();
  for (const selected of functions) {
    const result = await prepare(selected).catch((error) => {
      if (!(error instanceof FaasError)) throw error;
      const { code, message, extensions } = error;
      throw new FaasError(code, `${selected.name}: ${message}`, { cause: error, extensions });
    });
    prepared.set(selected.name, result);
  }
  return prepared;
}

/** Warns of a `faas.json` in the folder of a function, which is not read. */
export async function warnOfOwnProjects(functions: readonly NamedFunction[], file: string, io: Io): Promise<void> {
  for (const { name, folder } of functions) {
    const own = join(folder, PROJECT_FILE);
    if (
      own === file ||
      !(await access(own).then(
        () => true,
        () => false,
      ))
    )
      continue;
    printWarning(io, `${own} is not read: the settings of "${name}" are in ${file}`);
  }
}
