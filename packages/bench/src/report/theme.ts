import type { EChartsOption } from "echarts";

/** Palette of Okabe and Ito, distinguishable with any colour vision, on light and dark backgrounds. */
export const COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"];

/** Colours of a chart. */
export interface Theme {
  readonly background: string;
  readonly text: string;
  readonly grid: string;
}

export const LIGHT: Theme = { background: "#ffffff", text: "#222222", grid: "#dddddd" };
export const DARK: Theme = { background: "#16181d", text: "#e6e6e6", grid: "#3a3f47" };

/** Returns the options that all charts share. */
export function baseOptions(title: string, theme: Theme): EChartsOption {
  return {
    animation: false,
    backgroundColor: theme.background,
    textStyle: { fontFamily: "DejaVu Sans, Helvetica, Arial, sans-serif" },
    title: { text: title, left: 20, top: 12, textStyle: { color: theme.text, fontSize: 16 } },
    // On a separate line with wide gaps: fonts differ in width.
    legend: { left: 70, top: 44, itemGap: 28, textStyle: { color: theme.text } },
  };
}

/** Returns the colours of an axis. */
export const axisColors = (theme: Theme) => ({
  nameTextStyle: { color: theme.text },
  axisLabel: { color: theme.text },
  axisLine: { lineStyle: { color: theme.text } },
  splitLine: { lineStyle: { color: theme.grid } },
});

/** Returns the options of a linear axis. */
export const valueAxis = (name: string, theme: Theme) => ({
  type: "value" as const,
  name,
  nameLocation: "middle" as const,
  nameGap: 35,
  min: 0,
  ...axisColors(theme),
  axisLabel: { color: theme.text, formatter: tick },
});

/** Returns the options of a logarithmic axis. */
export const logAxis = (name: string, theme: Theme) => ({
  type: "log" as const,
  name,
  nameLocation: "middle" as const,
  nameGap: 35,
  ...axisColors(theme),
  axisLabel: { color: theme.text, formatter: tick },
});

/** Formats a number on an axis. */
export const tick = (value: number) => String(Number(value.toPrecision(3)));
