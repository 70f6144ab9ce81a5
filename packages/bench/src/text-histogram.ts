import type { Run } from "./closed-loop.ts";
import { formatMs } from "./summary.ts";

const ROWS = 12;

/** Latencies as bars, a row for each step; the steps grow by the same factor, so that a long tail still fits. */
export function textHistogram({ requests }: Run, { width = 80 } = {}): string {
  const latencies = requests.filter(({ status }) => status > 0 && status < 400).map(({ latencyMs }) => latencyMs);
  if (latencies.length === 0) return "";
  const least = Math.max(0.001, Math.min(...latencies));
  const most = Math.max(...latencies, least * 1.01);
  const factor = (most / least) ** (1 / ROWS);
  const counts = new Array<number>(ROWS).fill(0);
  for (const latency of latencies) {
    const row = Math.min(ROWS - 1, Math.max(0, Math.floor(Math.log(latency / least) / Math.log(factor))));
    counts[row] = (counts[row] ?? 0) + 1;
  }
  const highest = Math.max(...counts);
  const digits = String(highest).length;
  const room = Math.max(10, width - 14 - digits);
  const lines = counts.map((count, row) => {
    const upTo = formatMs(least * factor ** (row + 1));
    return `${upTo.padStart(9)} | ${String(count).padStart(digits)} ${"#".repeat(Math.ceil((count / highest) * room))}`.trimEnd();
  });
  return `latency up to | requests\n${lines.join("\n")}\n`;
}
