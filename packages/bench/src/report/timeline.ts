import { drawSvg } from "./draw-svg.ts";
import { baseOptions, COLORS, DARK, LIGHT, type Theme, valueAxis } from "./theme.ts";

/** Diagram in a stack of diagrams over the same time. */
export interface Panel {
  /** Title of the vertical axis, with its unit. */
  readonly axis: string;
  readonly lines: readonly TimeLine[];
}

export interface TimeLine {
  readonly name: string;
  /** Number of the colour and stroke; the same number looks the same in every panel. */
  readonly look: number;
  /** Pairs of time and value. */
  readonly points: readonly (readonly [number, number])[];
}

const TOP = 84;
const BOTTOM = 64;
const PANEL = 130;
const GAP = 26;
const STROKES = ["solid", "dashed", "dotted"] as const;

/** Draws panels over time as SVG, for light and dark backgrounds. `time` is the title of the horizontal axis, with its unit. */
export async function drawTimeline(
  title: string,
  time: string,
  panels: readonly Panel[],
): Promise<{ readonly light: string; readonly dark: string }> {
  const height = TOP + panels.length * (PANEL + GAP) - GAP + BOTTOM;
  const [light = "", dark = ""] = await drawSvg(
    [LIGHT, DARK].map((theme) => ({ option: option(title, time, panels, theme) })),
    height,
  );
  return { light, dark };
}

function option(title: string, time: string, panels: readonly Panel[], theme: Theme) {
  const endTime = Math.max(...panels.flatMap(({ lines }) => lines.map(({ points }) => points.at(-1)?.[0] ?? 0)));
  const last = panels.length - 1;
  return {
    ...baseOptions(title, theme),
    grid: panels.map((_, i) => ({ left: 84, right: 30, top: TOP + i * (PANEL + GAP), height: PANEL })),
    xAxis: panels.map((_, i) => {
      const axis = valueAxis(i === last ? time : "", theme);
      return { ...axis, gridIndex: i, max: endTime, axisLabel: { ...axis.axisLabel, show: i === last } };
    }),
    yAxis: panels.map(({ axis }, i) => ({ ...valueAxis(axis, theme), gridIndex: i, nameGap: 56, splitNumber: 3 })),
    series: panels.flatMap(({ lines }, i) =>
      lines.map(({ name, look, points }) => ({
        type: "line" as const,
        name,
        step: "end" as const,
        xAxisIndex: i,
        yAxisIndex: i,
        symbol: "none",
        data: points.map((point) => [...point]),
        lineStyle: { color: COLORS[look], width: 2, type: STROKES[look % STROKES.length] as (typeof STROKES)[number] },
        itemStyle: { color: COLORS[look] as string },
      })),
    ),
  };
}
