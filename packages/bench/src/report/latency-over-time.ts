import type { EChartsOption } from "echarts";
import { isError, type RequestResult } from "../load/request.ts";
import type { ReplicaSample, ResultRun } from "../results/result.ts";
import { baseOptions, COLORS, logAxis, type Theme, tick, valueAxis } from "./theme.ts";

/** Maximum points of a series; a chart has no space for more. */
const MAX_POINTS = 5_000;

/** Plots the latency of each request over time, above the number of ready replicas where that was sampled. */
export function latencyOverTime(run: ResultRun, title: string, theme: Theme): EChartsOption {
  const good = run.requests.filter((request) => !isError(request));
  const hasReplicas = run.replicas.length > 0;
  const endTime = run.durationMs / 1000;
  return {
    ...baseOptions(title, theme),
    grid: [
      { left: 80, right: 30, top: 80, bottom: hasReplicas ? 190 : 60 },
      ...(hasReplicas ? [{ left: 80, right: 30, height: 70, bottom: 60 }] : []),
    ],
    xAxis: [
      {
        ...valueAxis(hasReplicas ? "" : "time (s)", theme),
        max: endTime,
        axisLabel: { show: !hasReplicas, color: theme.text, formatter: tick },
      },
      ...(hasReplicas ? [{ ...valueAxis("time (s)", theme), gridIndex: 1, max: endTime }] : []),
    ],
    yAxis: [
      { ...logAxis("latency (ms)", theme), nameGap: 55 },
      ...(hasReplicas
        ? [{ ...valueAxis("replicas ready", theme), gridIndex: 1, nameGap: 55, minInterval: 1, min: 0, splitNumber: 2 }]
        : []),
    ],
    series: [
      ...scatter(
        "warm",
        good.filter(({ cold }) => !cold),
        COLORS[0] as string,
        "circle",
      ),
      ...scatter(
        "cold start",
        good.filter(({ cold }) => cold),
        COLORS[1] as string,
        "triangle",
      ),
      ...scatter("error", run.requests.filter(isError), COLORS[5] as string, "diamond"),
      ...(hasReplicas ? [replicaLine(run.replicas, endTime)] : []),
    ],
  };
}

/** Returns a series of points; none when there are no requests, so that the legend does not name it. */
function scatter(name: string, requests: readonly RequestResult[], color: string, symbol: string) {
  if (requests.length === 0) return [];
  const data = thinned(requests).map(({ startMs, latencyMs }) => [startMs / 1000, Math.max(0.001, latencyMs)]);
  return [{ type: "scatter" as const, name, data, symbol, symbolSize: 5, itemStyle: { color, opacity: 0.6 } }];
}

function replicaLine(replicas: readonly ReplicaSample[], endTime: number) {
  return {
    type: "line" as const,
    name: "replicas",
    step: "end" as const,
    xAxisIndex: 1,
    yAxisIndex: 1,
    symbol: "none",
    data: [...replicas.map(({ atMs, ready }) => [atMs / 1000, ready]), [endTime, replicas.at(-1)?.ready ?? 0]],
    lineStyle: { color: COLORS[2] as string, width: 2 },
    itemStyle: { color: COLORS[2] as string },
  };
}

/** Keeps every nth request, and always the slowest: readers look for outliers. */
function thinned(requests: readonly RequestResult[]): readonly RequestResult[] {
  if (requests.length <= MAX_POINTS) return requests;
  const step = Math.ceil(requests.length / MAX_POINTS);
  const slowest = requests.toSorted((a, b) => b.latencyMs - a.latencyMs).slice(0, MAX_POINTS / 10);
  return [...new Set([...requests.filter((_, i) => i % step === 0), ...slowest])];
}
