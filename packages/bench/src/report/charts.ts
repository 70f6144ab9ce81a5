import type { EChartsOption } from "echarts";
import { isError } from "../load/request.ts";
import { latencyBins } from "../results/latency-bins.ts";
import type { ResultRun } from "../results/result.ts";
import { latencyHistogram } from "../results/summary.ts";
import { latencyOverTime } from "./latency-over-time.ts";
import { axisColors, baseOptions, COLORS, logAxis, type Theme, tick, valueAxis } from "./theme.ts";

/** Chart of a report. */
export interface Chart {
  /** Name of its files, without extension. */
  readonly name: string;
  readonly title: string;
  readonly option: EChartsOption;
}

const BINS = 30;
/** Percentiles on the axis of their chart. */
const PERCENTILE_TICKS = [0, 50, 90, 95, 99, 99.9, 99.99, 99.999];

/** Returns the charts of a report: per run latency over time and a histogram; for all runs percentiles, and cold starts against warm requests. */
export function charts(runs: readonly ResultRun[], theme: Theme): Chart[] {
  const ofRun = (run: ResultRun, index: number) => {
    const [suffix, titleSuffix] = runs.length > 1 ? [`-${index + 1}-${slug(run.name)}`, `: ${run.name}`] : ["", ""];
    const overTime = `Latency over time${titleSuffix}`;
    return [
      { name: `latency-over-time${suffix}`, title: overTime, option: latencyOverTime(run, overTime, theme) },
      histogram(run, suffix, titleSuffix, theme),
    ];
  };
  return [
    ...runs.flatMap(ofRun),
    percentileCurve(runs, theme),
    ...(runs.some(({ summary }) => summary.coldStarts.count > 0) ? [coldAgainstWarm(runs, theme)] : []),
  ];
}

const slug = (name: string) =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

function histogram(run: ResultRun, suffix: string, titleSuffix: string, theme: Theme): Chart {
  const { upToMs, counts } = latencyBins(run.requests, BINS);
  const title = `Latency histogram${titleSuffix}`;
  return {
    name: `latency-histogram${suffix}`,
    title,
    option: {
      ...baseOptions(title, theme),
      grid: { left: 80, right: 30, top: 80, bottom: 80 },
      xAxis: {
        type: "category",
        name: "latency up to (ms)",
        nameLocation: "middle",
        nameGap: 50,
        data: upToMs.map(tick),
        ...axisColors(theme),
        axisLabel: { color: theme.text, rotate: 45 },
      },
      yAxis: { ...valueAxis("requests", theme), nameGap: 55 },
      series: [{ type: "bar", data: [...counts], barCategoryGap: "5%", itemStyle: { color: COLORS[0] as string } }],
    },
  };
}

/** Plots latency over the share of slower requests, 50%, 10%, 1%, 0.1% …, which leaves space for the tail. */
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
  const mostRequests = Math.max(...runs.map(({ requests }) => requests.length));
  const percentileTicks = PERCENTILE_TICKS.map((each) => 1 / (1 - each / 100)).filter((each) => each <= mostRequests);
  return {
    name: "percentiles",
    title: "Latency by percentile",
    option: {
      ...baseOptions("Latency by percentile", theme),
      grid: { left: 80, right: 40, top: 80, bottom: 60 },
      xAxis: {
        type: "log",
        name: "percentile",
        nameLocation: "middle",
        nameGap: 35,
        ...axisColors(theme),
        axisTick: { customValues: percentileTicks },
        axisLabel: {
          color: theme.text,
          customValues: percentileTicks,
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
      ...baseOptions("Cold starts against warm requests", theme),
      grid: { left: 80, right: 30, top: 80, bottom: 60 },
      xAxis: {
        type: "category",
        data: shown.map((each) => `p${each}`),
        name: "percentile",
        nameLocation: "middle",
        nameGap: 35,
        ...axisColors(theme),
      },
      yAxis: { ...logAxis("latency (ms)", theme), nameGap: 55 },
      series,
    },
  };
}
