export { type Chart, charts } from "./charts.ts";
export { type ClosedLoopOptions, runClosedLoop } from "./closed-loop.ts";
export {
  type Bound,
  broken,
  type Compared,
  compareResults,
  formatComparison,
  measures,
  parseBound,
} from "./compare.ts";
export { draw } from "./draw.ts";
export { interleave } from "./interleave.ts";
export { type Call, isError, type Measured, type Run } from "./measured.ts";
export { type Arrivals, arrivals, type OpenLoopOptions, runOpenLoop } from "./open-loop.ts";
export { writeReport } from "./report.ts";
export {
  type Load,
  type NamedRun,
  parseResult,
  type ReplicaSample,
  type Result,
  type ResultRun,
  resultOf,
} from "./result.ts";
export { formatMs, formatSummary, type Percentiles, type Summary, summarize } from "./summary.ts";
export { textHistogram } from "./text-histogram.ts";
export { LIGHT } from "./theme.ts";
export { drawTimeline, type Panel, type TimeLine } from "./timeline.ts";
