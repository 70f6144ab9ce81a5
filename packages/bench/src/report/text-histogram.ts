import { bins } from "../bins.ts";
import type { Measured } from "../load/measured.ts";
import { formatMs } from "../results/summary.ts";

const ROWS = 12;

/** Latencies as bars, a row for each step; the steps grow by the same factor, so that a long tail still fits. */
export function textHistogram(requests: readonly Measured[], { width = 80 } = {}): string {
  const { upToMs, counts } = bins(requests, ROWS);
  if (counts.length === 0) return "";
  const highest = Math.max(...counts);
  const digits = String(highest).length;
  const room = Math.max(10, width - 14 - digits);
  const lines = counts.map((count, row) => {
    const upTo = formatMs(upToMs[row] as number);
    return `${upTo.padStart(9)} | ${String(count).padStart(digits)} ${"#".repeat(Math.ceil((count / highest) * room))}`.trimEnd();
  });
  return `latency up to | requests\n${lines.join("\n")}\n`;
}
