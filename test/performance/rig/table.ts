import { cpus } from "node:os";

/** Measure of docs/performance.md, compared with a baseline of the same run. */
export interface Row {
  readonly measure: string;
  readonly baseline: string;
  readonly ours: string;
  readonly value: number;
  readonly goal: number;
  /** Unit of the value and the goal; `x` for a ratio to the baseline. */
  readonly unit: string;
  /** True where the goal is a minimum; it is a maximum by default. */
  readonly atLeast?: boolean;
}

/** Measures the milliseconds that work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Returns the percentile by nearest rank: the smallest value that at least this share of all values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] as number;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** Makes a row of two times in milliseconds, of which `ours` should be at most `goal` times `theirs`. */
export function ratio(measure: string, baseline: string, ours: number, theirs: number, goal: number): Row {
  return {
    measure,
    baseline: `${baseline}: ${theirs.toFixed(0)} ms`,
    ours: `${ours.toFixed(0)} ms`,
    value: ours / theirs,
    goal,
    unit: "x",
  };
}

/** Formats the table as Markdown, with the date and the machine above it. */
export function table(all: readonly Row[]): string {
  const lines = all.map(({ measure, baseline, ours, value, goal, unit, atLeast }) => {
    const shown = unit === "x" ? value.toFixed(2) : "";
    const met = atLeast ? value >= goal : value <= goal;
    const bound = atLeast ? "at least" : "at most";
    return `| ${measure} | ${baseline} | ${ours} | ${shown} | ${bound} ${goal} ${unit} | ${met ? "met" : "missed"} |\n`;
  });
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model}), Node ${process.versions.node}\n
| measure | baseline | faas | ratio | goal | |\n|---|---|---|---|---|---|\n${lines.join("")}`;
}
