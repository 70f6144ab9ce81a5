import { drawSvg } from "./draw-svg.ts";
import { axisColors, baseOptions, COLORS, DARK, LIGHT, type Theme, valueAxis } from "./theme.ts";

/** Something that happens in stages, one after another. */
export interface StagedBar {
  readonly name: string;
  /** Milliseconds of each stage, by its name; those that are missing take no time. */
  readonly stages: ReadonlyMap<string, number>;
}

const TOP = 96;
const BOTTOM = 64;
const BAR = 46;

/** Draws a bar per process, divided into its stages, as SVG for light and dark backgrounds. `stages` names all stages in their order, at most six. */
export async function drawStages(
  title: string,
  stages: readonly string[],
  bars: readonly StagedBar[],
): Promise<{ readonly light: string; readonly dark: string }> {
  const height = TOP + bars.length * BAR + BOTTOM;
  const [light = "", dark = ""] = await drawSvg(
    [LIGHT, DARK].map((theme) => ({ option: option(title, stages, bars, theme) })),
    height,
  );
  return { light, dark };
}

function option(title: string, stages: readonly string[], bars: readonly StagedBar[], theme: Theme) {
  const totalOf = ({ stages: own }: StagedBar) => [...own.values()].reduce((sum, ms) => sum + ms, 0);
  return {
    ...baseOptions(title, theme),
    grid: { left: 190, right: 70, top: TOP, height: bars.length * BAR },
    xAxis: { ...valueAxis("time (ms)", theme), max: "dataMax" as const },
    yAxis: {
      type: "category" as const,
      inverse: true,
      data: bars.map(({ name }) => name),
      ...axisColors(theme),
      splitLine: { show: false },
    },
    series: stages.map((stage, i) => ({
      type: "bar" as const,
      name: stage,
      stack: "all",
      barWidth: "60%",
      data: bars.map(({ stages: own }) => own.get(stage) ?? 0),
      itemStyle: { color: COLORS[i % COLORS.length] as string },
      ...(i === stages.length - 1
        ? {
            label: {
              show: true,
              position: "right" as const,
              color: theme.text,
              formatter: ({ dataIndex }: { readonly dataIndex: number }) =>
                `${Math.round(totalOf(bars[dataIndex] as StagedBar))} ms`,
            },
          }
        : {}),
    })),
  };
}
