import type { CallStage } from "@faas/core";

const MIN_BAR = 10;
const MAX_BAR = 60;
/** Width of a number with its unit. */
const NUMBER_WIDTH = 11;

/**
 * Draws stages as lines with bars on a common scale.
 *
 * @param totalMs duration that fills a bar
 * @param width of the terminal in columns
 */
export function waterfall(stages: readonly CallStage[], totalMs: number, width: number): string[] {
  const labels = stages.map(({ name, of }) => (of === undefined ? name : `  ${name}`));
  const labelWidth = Math.max(0, ...labels.map((label) => label.length));
  const barWidth = Math.min(MAX_BAR, Math.max(MIN_BAR, width - labelWidth - 2 * NUMBER_WIDTH - 6));
  const columnOf = (ms: number) => (totalMs <= 0 ? 0 : Math.round((Math.min(ms, totalMs) / totalMs) * barWidth));
  return stages.map(({ startMs, durationMs }, index) => {
    const from = Math.min(columnOf(startMs), barWidth - 1);
    const to = Math.max(from + 1, columnOf(startMs + durationMs));
    const bar = `${" ".repeat(from)}${"█".repeat(to - from)}`.padEnd(barWidth);
    const label = (labels[index] ?? "").padEnd(labelWidth);
    return `${label}  ${milliseconds(startMs)} │${bar}│ ${milliseconds(durationMs)}`;
  });
}

const milliseconds = (ms: number) => `${ms.toFixed(1)} ms`.padStart(NUMBER_WIDTH);
