import type { EChartsOption } from "echarts";
import { bins } from "../bins.ts";
import { isError, type Measured } from "../load/measured.ts";
import type { ResultRun } from "../results/result.ts";
import { latencyHistogram } from "../results/summary.ts";
import { COLORS, colored, common, logAxis, type Theme, tick, valueAxis } from "./theme.ts";

/** A picture: what it is called as a file and above it, and what it draws. */
export interface Chart {
  readonly name: string;
  readonly title: string;
  readonly option: EChartsOption;
}

const BINS = 30;
/** More points than this are thinned out: a picture has no room for them. */
const MAX_POINTS = 5_000;

/** The pictures of a report: for each run latency over time and histogram; of all together percentiles, and cold against warm. */
export function charts(runs: readonly ResultRun[], theme: Theme): Chart[] {
  const all = [
    ...runs.flatMap((run, i) => [overTime, histogram].map((draw) => draw(run, i, runs.length, theme))),
    percentileCurve(runs, theme),
    ...(runs.some(({ summary }) => summary.coldStarts.count > 0) ? [coldAgainstWarm(runs, theme)] : []),
  ];
  return all;
}

const slug = (name: string) =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

function overTime(run: ResultRun, index: number, of: number, theme: Theme): Chart {
  const good = run.requests.filter((request) => !isError(request));
  const bad = run.requests.filter(isError);
  const points = (requests: readonly Measured[]) =>
    thinned(requests).map(({ startMs, latencyMs }) => [startMs / 1000, Math.max(0.001, latencyMs)]);
  const hasReplicas = run.replicas.length > 0;
  const title = of > 1 ? `Latency over time: ${run.name}` : "Latency over time";
  const scatter = (name: string, requests: readonly Measured[], color: string, symbol: string) =>
    requests.length === 0
      ? []
      : [
          {
            type: "scatter" as const,
            name,
            data: points(requests),
            symbol,
            symbolSize: 5,
            itemStyle: { color, opacity: 0.6 },
          },
        ];
  const most = run.durationMs / 1000;
  const bottom = hasReplicas ? 190 : 60;
  return {
    name: of > 1 ? `latency-over-time-${index + 1}-${slug(run.name)}` : "latency-over-time",
    title,
    option: {
      ...common(title, theme),
      grid: [
        { left: 80, right: 30, top: 80, bottom },
        ...(hasReplicas ? [{ left: 80, right: 30, height: 70, bottom: 60 }] : []),
      ],
      xAxis: [
        {
          ...valueAxis(hasReplicas ? "" : "time (s)", theme),
          max: most,
          axisLabel: { show: !hasReplicas, color: theme.text, formatter: tick },
        },
        ...(hasReplicas ? [{ ...valueAxis("time (s)", theme), gridIndex: 1, max: most }] : []),
      ],
      yAxis: [
        { ...logAxis("latency (ms)", theme), nameGap: 55 },
        ...(hasReplicas
          ? [
              {
                ...valueAxis("replicas ready", theme),
                gridIndex: 1,
                nameGap: 55,
                minInterval: 1,
                min: 0,
                splitNumber: 2,
              },
            ]
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
        ...scatter("error", bad, COLORS[5] as string, "diamond"),
        ...(hasReplicas
          ? [
              {
                type: "line" as const,
                name: "replicas",
                step: "end" as const,
                xAxisIndex: 1,
                yAxisIndex: 1,
                symbol: "none",
                data: [
                  ...run.replicas.map(({ atMs, ready }) => [atMs / 1000, ready]),
                  [most, run.replicas.at(-1)?.ready ?? 0],
                ],
                lineStyle: { color: COLORS[2] as string, width: 2 },
                itemStyle: { color: COLORS[2] as string },
              },
            ]
          : []),
      ],
    },
  };
}

function histogram(run: ResultRun, index: number, of: number, theme: Theme): Chart {
  const { upToMs, counts } = bins(run.requests, BINS);
  const title = of > 1 ? `Latency histogram: ${run.name}` : "Latency histogram";
  return {
    name: of > 1 ? `latency-histogram-${index + 1}-${slug(run.name)}` : "latency-histogram",
    title,
    option: {
      ...common(title, theme),
      grid: { left: 80, right: 30, top: 80, bottom: 80 },
      xAxis: {
        type: "category",
        name: "latency up to (ms)",
        nameLocation: "middle",
        nameGap: 50,
        data: upToMs.map(tick),
        ...colored(theme),
        axisLabel: { color: theme.text, rotate: 45 },
      },
      yAxis: { ...valueAxis("requests", theme), nameGap: 55 },
      series: [{ type: "bar", data: [...counts], barCategoryGap: "5%", itemStyle: { color: COLORS[0] as string } }],
    },
  };
}

/** The share of requests that took longer, so that the tail has room: 50%, 10%, 1%, 0.1% … */
function percentileCurve(runs: readonly ResultRun[], theme: Theme): Chart {
  const curve = ({ requests }: ResultRun) => {
    const good = requests.filter((request) => !isError(request));
    if (good.length === 0) return [];
    const latencies = latencyHistogram(good);
    const nines = Math.log10(good.length);
    return Array.from({ length: 101 }, (_, i) => {
      const slower = 10 ** ((-nines * i) / 100);
      return [1 / slower, latencies.getValueAtPercentile(100 * (1 - slower)) / 1000];
    });
  };
  return {
    name: "percentiles",
    title: "Latency by percentile",
    option: {
      ...common("Latency by percentile", theme),
      grid: { left: 80, right: 40, top: 80, bottom: 60 },
      xAxis: {
        type: "log",
        name: "percentile",
        nameLocation: "middle",
        nameGap: 35,
        ...colored(theme),
        axisLabel: {
          color: theme.text,
          formatter: (value: number) => `p${Number((100 * (1 - 1 / value)).toFixed(4))}`,
        },
      },
      yAxis: { ...logAxis("latency (ms)", theme), nameGap: 55 },
      series: runs.map((run, i) => ({
        type: "line",
        name: run.name,
        symbol: "none",
        data: curve(run),
        lineStyle: { color: COLORS[i % COLORS.length] as string, width: 2, type: i % 2 === 0 ? "solid" : "dashed" },
        itemStyle: { color: COLORS[i % COLORS.length] as string },
      })),
    },
  };
}

function coldAgainstWarm(runs: readonly ResultRun[], theme: Theme): Chart {
  const good = runs.flatMap(({ requests }) => requests.filter((request) => !isError(request)));
  const shown = [50, 90, 95, 99];
  const series = (["warm", "cold start"] as const).map((name, i) => {
    const requests = good.filter(({ cold }) => cold === (i === 1));
    const latencies = latencyHistogram(requests);
    return {
      type: "bar" as const,
      name: `${name} (${requests.length})`,
      data: requests.length === 0 ? [] : shown.map((each) => latencies.getValueAtPercentile(each) / 1000),
      itemStyle: { color: COLORS[i] as string },
    };
  });
  return {
    name: "cold-against-warm",
    title: "Cold starts against warm requests",
    option: {
      ...common("Cold starts against warm requests", theme),
      grid: { left: 80, right: 30, top: 80, bottom: 60 },
      xAxis: {
        type: "category",
        data: shown.map((each) => `p${each}`),
        name: "percentile",
        nameLocation: "middle",
        nameGap: 35,
        ...colored(theme),
      },
      yAxis: { ...logAxis("latency (ms)", theme), nameGap: 55 },
      series,
    },
  };
}

/** Every nth, and the slowest always: outliers are what one looks for. */
function thinned(requests: readonly Measured[]): readonly Measured[] {
  if (requests.length <= MAX_POINTS) return requests;
  const step = Math.ceil(requests.length / MAX_POINTS);
  const slowest = requests.toSorted((a, b) => b.latencyMs - a.latencyMs).slice(0, MAX_POINTS / 10);
  return [...new Set([...requests.filter((_, i) => i % step === 0), ...slowest])];
}
