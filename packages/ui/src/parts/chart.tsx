import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

export interface Series {
  readonly label: string;
  /** Name of a custom property of CSS. */
  readonly color: string;
}

export interface ChartProps {
  /** Description of the figures, for people who do not see them. */
  readonly label: string;
  readonly series: readonly Series[];
  /** Seconds since the epoch, then the values of each series. */
  readonly data: uPlot.AlignedData;
  readonly unit: string;
}

const HEIGHT = 180;

/** Chart over time. */
export function Chart({ label, series, data, unit }: ChartProps) {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const latest = useRef(data);
  latest.current = data;
  const names = series.map((each) => each.label).join();
  useEffect(() => {
    const target = element.current as HTMLDivElement;
    const create = () => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsFor(target, series, unit), latest.current, target);
      showLatest(chart.current);
    };
    create();
    const observer = new ResizeObserver(() => chart.current?.setSize({ width: target.clientWidth, height: HEIGHT }));
    observer.observe(target);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", create);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", create);
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [names, unit]);
  useEffect(() => {
    chart.current?.setData(data);
    if (chart.current) showLatest(chart.current);
  }, [data]);
  return <div class="chart" ref={element} role="img" aria-label={label} />;
}

/** Shows the latest values below the chart, unless the pointer chooses others. */
function showLatest(chart: uPlot): void {
  if (typeof chart.cursor.idx === "number") return;
  const [, ...values] = chart.data;
  const idx = Math.max(...values.map((each) => each.findLastIndex((value) => typeof value === "number")));
  if (idx >= 0) chart.setLegend({ idx });
}

function optionsFor(element: HTMLElement, series: readonly Series[], unit: string): uPlot.Options {
  const styles = getComputedStyle(element);
  const color = (name: string) => styles.getPropertyValue(name).trim();
  const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: Math.max(200, element.clientWidth),
    height: HEIGHT,
    cursor: { y: false },
    scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.1, 1)] } },
    axes: [axis, { ...axis, size: 64, values: (_, values) => values.map((value) => `${value} ${unit}`.trim()) }],
    series: [
      {},
      ...series.map(({ label, color: name }) => ({
        label,
        stroke: color(name),
        width: 2,
        points: { size: 4 },
        spanGaps: true,
      })),
    ],
  };
}
