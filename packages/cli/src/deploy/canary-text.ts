import { type CanaryView, isCanaryActive } from "@faas/core";
import { formatAge } from "../terminal/age.ts";

/** Formats a canary for people: its name and its facts, one per line. */
export function canaryRows(canary: CanaryView, nowMs: number): string[][] {
  const { revision, base, state, startedAt, endedAt, maxErrorRate, maxP95, seen } = canary;
  const age = formatAge(nowMs - Date.parse(endedAt ?? startedAt));
  const since = endedAt === undefined ? `began ${age} ago` : `ended ${age} ago`;
  const rows = [
    ["canary", `${revision} in place of ${base}: ${state}, ${since}`],
    ["", canaryProgress(canary)],
  ];
  if (seen === undefined) return rows;
  const { errorRateDifference, p95Factor } = seen;
  const range = ({ low, high }: typeof p95Factor, unit: string) =>
    high === undefined ? "unknown so far" : `${short(low)} to ${short(high)}${unit}`;
  return [
    ...rows,
    ["", `new: ${callsOf(seen.canary)}`],
    ["", `old: ${callsOf(seen.base)}`],
    ["", `more failed calls: ${range(errorRateDifference, " %")} (limit ${maxErrorRate} %)`],
    ["", `p95 compared with the old: ${range(p95Factor, "x")} (limit ${maxP95}x)`],
  ];
}

/** Formats what happens, on one line. */
export function canaryProgress({ state, share, steps, detail }: CanaryView): string {
  if (!isCanaryActive(state) || state !== "running") return detail;
  return `${share} % of the calls, step ${steps.indexOf(share) + 1} of ${steps.length}: ${detail}`;
}

function callsOf({ calls, errors, p95Ms }: NonNullable<CanaryView["seen"]>["base"]): string {
  const p95 = p95Ms === undefined ? "" : `, p95 ${short(p95Ms)} ms`;
  return `${calls} calls, ${errors} failed${p95}`;
}

const short = (value: number): string => String(Number(value.toPrecision(3)));
