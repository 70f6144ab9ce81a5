import type { ComparedResult } from "./result.ts";
import { formatMs } from "./summary.ts";

/** Values of one measure in two results. */
export interface Comparison {
  readonly run: string;
  readonly measure: string;
  readonly before: number;
  readonly after: number;
  /** after / before - 1; undefined when before is 0. */
  readonly change: number | undefined;
}

/** Condition that makes a comparison fail, such as `p99>+20%` or `p99>250ms`. */
export interface Bound {
  readonly text: string;
  readonly measure: string;
  readonly above: boolean;
  /** True when `limit` is a share of the value before. */
  readonly relative: boolean;
  readonly limit: number;
}

export const measures = ["rate", "errors", "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"] as const;

/** Parses a measure, > or <, and `+20%`, `-10%` or a value (latencies in `ms` or `s`); undefined when the text is not a bound. */
export function parseBound(text: string): Bound | undefined {
  const [, measure = "", sign, number, unit] =
    /^([a-z][\w.]*)\s*([<>])\s*([+-]?\d+(?:\.\d+)?)(%|ms|s)?$/.exec(text) ?? [];
  if (!measures.some((each) => each === measure)) return undefined;
  const isLatency = measure !== "rate" && measure !== "errors";
  const relative = unit === "%";
  if (!relative && isLatency !== (unit !== undefined)) return undefined;
  const value = Number(number);
  return {
    text,
    measure,
    above: sign === ">",
    relative,
    limit: relative ? value / 100 : unit === "s" ? value * 1000 : value,
  };
}

/** Compares all measures of the runs with the same name. Two results with a single run each are compared whatever its name. */
export function compareResults(before: ComparedResult, after: ComparedResult): Comparison[] {
  const pairs = after.runs.flatMap((run) => {
    const sameName = before.runs.find(({ name }) => name === run.name);
    const other = sameName ?? (before.runs.length === 1 && after.runs.length === 1 ? before.runs[0] : undefined);
    return other ? [[other, run] as const] : [];
  });
  return pairs.flatMap(([a, b]) =>
    measures.flatMap((measure) => {
      const [from, to] = [measureOf(a.summary, measure), measureOf(b.summary, measure)];
      if (from === undefined || to === undefined) return [];
      const change = from === 0 ? undefined : to / from - 1;
      return [{ run: b.name, measure, before: from, after: to, change }];
    }),
  );
}

function measureOf(summary: ComparedResult["runs"][number]["summary"], measure: string): number | undefined {
  if (measure === "rate") return summary.rate;
  if (measure === "errors") return Object.values(summary.errors).reduce((sum, count) => sum + count, 0);
  return summary.latencyMs?.[measure];
}

/** Finds the measures that meet the condition. A change from 0 exceeds every relative limit. */
export function findViolations(comparisons: readonly Comparison[], bound: Bound): Comparison[] {
  return comparisons.filter(({ measure, before, after, change }) => {
    if (measure !== bound.measure) return false;
    const value = bound.relative ? (change ?? (after === before ? 0 : Number.POSITIVE_INFINITY)) : after;
    return bound.above ? value > bound.limit : value < bound.limit;
  });
}

/** Formats comparisons as a table. */
export function formatComparison(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ run, measure, before, after, change }) => [
    run,
    measure,
    formatMeasure(measure, before),
    formatMeasure(measure, after),
    change === undefined ? "" : `${change < 0 ? "" : "+"}${(change * 100).toFixed(1)}%`,
  ]);
  const all = [["RUN", "MEASURE", "BEFORE", "AFTER", "CHANGE"], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
    .concat("\n");
}

function formatMeasure(measure: string, value: number): string {
  if (measure === "errors") return String(value);
  return measure === "rate" ? `${value.toFixed(1)}/s` : formatMs(value);
}
