export { type ClosedLoopOptions, type Measured, type Run, runClosedLoop } from "./closed-loop.ts";
export { formatMs, formatSummary, type Percentiles, type Summary, summarize } from "./summary.ts";
export { textHistogram } from "./text-histogram.ts";
