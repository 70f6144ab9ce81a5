import type { RequestResult } from "../load/request.ts";
import { latencyBins } from "../results/latency-bins.ts";
import { formatBound } from "../results/summary.ts";

const ROWS = 12;

/** Draws a histogram of latencies as text, a row per bin. */
export function textHistogram(requests: readonly RequestResult[], { width = 80 } = {}): string {
  const { upToMs, counts } = latencyBins(requests, ROWS);
  if (counts.length === 0) return "";
  const highest = Math.max(...counts);
  const digits = String(highest).length;
  const barWidth = Math.max(10, width - 14 - digits);
  const lines = counts.map((count, row) => {
    const upTo = formatBound(upToMs[row] as number);
    return `${upTo.padStart(9)} | ${String(count).padStart(digits)} ${"#".repeat(Math.ceil((count / highest) * barWidth))}`.trimEnd();
  });
  return `latency up to | requests\n${lines.join("\n")}\n`;
}
