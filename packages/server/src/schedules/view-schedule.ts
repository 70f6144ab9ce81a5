import { formatLocalTime, nextTimes, type ScheduleRun, type ScheduleView } from "@faas/core";
import { stateOfCall } from "../async-calls/view-call.ts";
import type { MessageState } from "../queue/queue.ts";
import type { Job } from "./job.ts";
import type { RunOutcome } from "./schedule-state.ts";

const NEXT_TIMES = 3;

/**
 * Returns a schedule as the control API shows it.
 *
 * @param findCall returns undefined for a call that was removed
 */
export function viewSchedule(
  { ref, cron, schedule, entry }: Pick<Job, "ref" | "cron" | "schedule" | "entry">,
  nowMs: number,
  findCall: (id: string) => Pick<MessageState, "status"> | undefined,
): ScheduleView {
  const { name, timeZone, method = "POST", path = "/", missed = "once", overlap = false, enabled = true } = schedule;
  const next = enabled ? nextTimes(cron, timeZone, nowMs, NEXT_TIMES) : [];
  return {
    ...ref,
    ...{ name, cron: schedule.cron, times: cron.text, timeZone, method, path, missed, overlap, enabled },
    next: next.map((ms) => viewTime(ms, timeZone)),
    runs: entry.outcomes.map((outcome) => viewRun(outcome, timeZone, findCall)).toReversed(),
  };
}

const viewTime = (ms: number, timeZone: string) => ({
  utc: new Date(ms).toISOString(),
  local: formatLocalTime(ms, timeZone),
});

function viewRun(
  outcome: RunOutcome,
  timeZone: string,
  findCall: (id: string) => Pick<MessageState, "status"> | undefined,
): ScheduleRun {
  const due = viewTime(outcome.dueMs, timeZone);
  if (!("call" in outcome)) {
    const { reason, detail } = outcome;
    return { due, skipped: reason, ...(detail === undefined ? {} : { detail }) };
  }
  const { call, isManual } = outcome;
  const status = findCall(call)?.status;
  return {
    ...{ due, call },
    ...(status === undefined ? {} : { state: stateOfCall(status) }),
    ...(isManual ? { manual: true } : {}),
  };
}
