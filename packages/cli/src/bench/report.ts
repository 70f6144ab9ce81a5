import { resolve } from "node:path";
import type { NamedRun, Result } from "@faas/bench";
import type { Io } from "../terminal/io.ts";
import { print, printStatus, printWarning } from "../terminal/output.ts";
import type { BenchOptions } from "./options.ts";

/**
 * Prints a summary of the runs, and writes the report when the options ask for one. Sets the exit code when requests failed.
 *
 * @param appendix text that follows the summary in a table
 */
export async function reportRuns(
  runs: readonly NamedRun[],
  options: BenchOptions,
  io: Io,
  appendix = "",
): Promise<void> {
  const { formatSummary, resultOf, textHistogram, writeReport } = await import("@faas/bench");
  const result = resultOf(runs, new Date());
  if (result.runs.some(({ summary }) => Object.keys(summary.errors).length > 0)) io.exitCode = 1;
  const width = Math.min(100, io.stdout.columns ?? 80);
  const data =
    result.runs.length === 1
      ? result.runs[0]?.summary
      : Object.fromEntries(result.runs.map((run) => [run.name, run.summary]));
  const table = () => {
    const sections = result.runs.map(({ name, summary, requests }) => {
      const head = result.runs.length > 1 ? `${name}\n` : "";
      return `${head}${formatSummary(summary)}\n${textHistogram(requests, { width })}`;
    });
    return `${sections.join("\n")}${appendix}`;
  };
  await print(data, options.output, io, table);
  for (const warning of warnings(result)) printWarning(io, warning);
  if (options.report === undefined) return;
  const dir = resolve(io.cwd, options.report);
  const names = await writeReport(dir, result);
  printStatus(io, `Report: ${resolve(dir, names.find((name) => name.endsWith(".html")) ?? "")}`);
}

/** Minimum duration of a run for a warning. Shorter ones are dominated by the start of this process. */
const MIN_WARNED_MS = 2_000;

/** Warns about runs in which the load generator itself was the bottleneck. */
function* warnings({ runs }: Result): Iterable<string> {
  for (const { name, busy, durationMs } of runs)
    if (busy > 0.9 && durationMs > MIN_WARNED_MS)
      yield `${name}: this client was busy ${Math.round(busy * 100)}% of the time, so the results include its own speed`;
}
