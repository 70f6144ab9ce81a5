export { type ClosedLoopOptions, runClosedLoop } from "./load/closed-loop.ts";
export { interleave } from "./load/interleave.ts";
export { type Arrivals, arrivals, type OpenLoopOptions, runOpenLoop } from "./load/open-loop.ts";
export { type Call, isError, type RequestResult, type Run } from "./load/request.ts";
export { type Chart, charts } from "./report/charts.ts";
export { drawSvg } from "./report/draw-svg.ts";
export { writeReport } from "./report/report.ts";
export { drawStages, type StagedBar } from "./report/stages.ts";
export { textHistogram } from "./report/text-histogram.ts";
export { LIGHT } from "./report/theme.ts";
export { drawTimeline, type Panel, type TimeLine } from "./report/timeline.ts";
export {
  type Bound,
  compareResults,
  findViolations,
  formatComparison,
  measures,
  parseBound,
} from "./results/compare.ts";
export {
  type Load,
  type NamedRun,
  parseResult,
  type ReplicaSample,
  type Result,
  type ResultRun,
  resultOf,
} from "./results/result.ts";
export { formatMs, formatSummary, type Percentiles, type Summary, summarize } from "./results/summary.ts";
