import type { EChartsOption } from "echarts";

/** Okabe and Ito's, told apart with any colour vision, on light and on dark. */
export const COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"];

/** Colours of a picture. */
export interface Theme {
  readonly background: string;
  readonly text: string;
  readonly grid: string;
}
export const LIGHT: Theme = { background: "#ffffff", text: "#222222", grid: "#dddddd" };
export const DARK: Theme = { background: "#16181d", text: "#e6e6e6", grid: "#3a3f47" };

/** What all pictures have. */
export function common(title: string, theme: Theme): EChartsOption {
  return {
    animation: false,
    backgroundColor: theme.background,
    textStyle: { fontFamily: "DejaVu Sans, Helvetica, Arial, sans-serif" },
    title: { text: title, left: 20, top: 12, textStyle: { color: theme.text, fontSize: 16 } },
    // On a line of its own, with room: fonts differ in width.
    legend: { left: 70, top: 44, itemGap: 28, textStyle: { color: theme.text } },
  };
}

export const colored = (theme: Theme) => ({
  nameTextStyle: { color: theme.text },
  axisLabel: { color: theme.text },
  axisLine: { lineStyle: { color: theme.text } },
  splitLine: { lineStyle: { color: theme.grid } },
});

export const valueAxis = (name: string, theme: Theme) => ({
  type: "value" as const,
  name,
  nameLocation: "middle" as const,
  nameGap: 35,
  min: 0,
  ...colored(theme),
  axisLabel: { color: theme.text, formatter: tick },
});

export const logAxis = (name: string, theme: Theme) => ({
  type: "log" as const,
  name,
  nameLocation: "middle" as const,
  nameGap: 35,
  ...colored(theme),
  axisLabel: { color: theme.text, formatter: tick },
});

export const tick = (value: number) => String(Number(value.toPrecision(3)));
