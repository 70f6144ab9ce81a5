import { endpointKey, type ScheduleRun, type ScheduleView } from "@faas/core";
import { callKey } from "../calls/call-ref.ts";

/** Runs of each schedule that a list shows. */
const SHOWN_RUNS = 5;

const REASONS = {
  missed: "the server was not running then",
  overlap: "the previous run had not ended",
  rejected: "its call could not be stored",
} as const;

/** Describes schedules with their next times and their last runs. */
export const describeSchedules = (schedules: readonly ScheduleView[]): string =>
  schedules.map((schedule) => describeSchedule(schedule)).join("\n");

function describeSchedule(schedule: ScheduleView): string {
  const { name, cron, times, timeZone, method, path, missed, overlap, enabled, next, runs } = schedule;
  const rows = [
    ["times", `${cron} ${timeZone}${times === cron ? "" : ` (${times})`}`],
    ["request", `${method} ${path}`],
    ["missed", missed === "once" ? "run once" : missed === "skip" ? "skip" : `run the last ${missed}`],
    ...(overlap ? [["overlap", "runs may overlap"]] : []),
    ...labeled("next", enabled ? next.map((time) => formatTime(time)) : ["disabled"]),
    ...labeled(
      "runs",
      runs.slice(0, SHOWN_RUNS).map((run) => formatRun(run, schedule.org)),
    ),
  ];
  return `${endpointKey(schedule)} ${name}\n${rows.map(([label = "", value]) => `  ${label.padEnd(7)}  ${value}\n`).join("")}`;
}

const labeled = (label: string, lines: readonly string[]) =>
  lines.map((line, index) => [index === 0 ? label : "", line]);

/** Formats a time in the time zone of the schedule, and in UTC. */
export const formatTime = ({ local, utc }: ScheduleView["next"][number]): string =>
  `${local.slice(0, 16).replace("T", " ")} ${local.slice(19)}, ${utc.slice(0, 16).replace("T", " ")} UTC`;

function formatRun({ due, call, state, manual, skipped, detail }: ScheduleRun, org: string): string {
  const time = formatTime(due);
  if (call !== undefined)
    return `${time}  ${state ?? "no longer stored"}${manual ? ", by hand" : ""}: ${callKey({ org, id: call })}`;
  return `${time}  skipped: ${detail ?? (skipped === undefined ? "unknown reason" : REASONS[skipped])}`;
}
