import { type Cron, type EndpointRef, nextTimes, type Schedule, scheduleCron, timesBetween } from "@faas/core";
import { type InternalCall, internalCall } from "../async-calls/internal-call.ts";
import { lastTimes } from "./due-runs.ts";
import type { ScheduleEntry } from "./schedule-state.ts";

/** A schedule of a serving revision. */
export interface Job {
  readonly ref: EndpointRef;
  schedule: Schedule;
  readonly cron: Cron;
  /** Text of {@link ScheduleEntry.times}. */
  readonly times: string;
  entry: ScheduleEntry;
  /** Next times after the last decided one; not all of them. */
  upcoming: readonly number[];
  /** The first of them; Infinity if there is none. */
  nextMs: number;
  /** Runs that have been decided, and could not be started yet. */
  pending?: PendingRuns;
}

/** Runs that are to be started. */
export interface PendingRuns {
  readonly runs: number[];
  /** All times until this one are decided. */
  readonly untilMs: number;
  readonly sinceMs: number;
  /** Time of the next attempt. */
  retryMs: number;
}

/** Returns the text that changes when the times of a schedule do. */
export const timesOf = (cron: Cron, { timeZone, enabled }: Schedule) =>
  `${cron.text} ${timeZone}${enabled === false ? " disabled" : ""}`;

/** Times that are computed at once: those of an expression for every minute take as long as one. */
const UPCOMING_MAX = 32;
const DAY_MS = 86_400_000;

/** Updates the next times of a job after a change of its entry. */
export function followTimes(job: Job): void {
  const { cron, schedule, entry } = job;
  const { lastMs } = entry;
  if (schedule.enabled === false) job.upcoming = [];
  else {
    job.upcoming = job.upcoming.filter((time) => time > lastMs);
    if (job.upcoming.length === 0)
      job.upcoming = timesBetween(cron, schedule.timeZone, lastMs, lastMs + DAY_MS, UPCOMING_MAX);
    if (job.upcoming.length === 0) job.upcoming = nextTimes(cron, schedule.timeZone, lastMs, 1);
  }
  job.nextMs = job.upcoming[0] ?? Number.POSITIVE_INFINITY;
}

/** Returns the last times that have come and are not decided, at most `count`. */
export function dueTimes({ cron, schedule, entry, upcoming }: Job, nowMs: number, count: number): readonly number[] {
  const due = upcoming.filter((time) => time <= nowMs);
  if (due.length < upcoming.length) return due.slice(-count);
  return lastTimes(cron, schedule.timeZone, entry.lastMs, nowMs, count);
}

/** Returns the expression of a schedule; undefined where this runtime cannot read it, as after a change of the time zone database. */
export function readableCron(ref: EndpointRef, schedule: Schedule): Cron | undefined {
  try {
    const cron = scheduleCron(ref, schedule);
    nextTimes(cron, schedule.timeZone, 0, 1);
    return cron;
  } catch {
    return undefined;
  }
}

/**
 * Builds the call of a run. Equal times of a schedule have equal idempotency keys, so that there is one call even if it is made twice.
 *
 * @param dueMs time for which the run is; it has a key unless it was requested by hand
 */
export function callOf(
  { ref, schedule }: Pick<Job, "ref" | "schedule">,
  { dueMs, requestId, isManual }: { readonly dueMs: number; readonly requestId: string; readonly isManual: boolean },
): ReturnType<typeof internalCall> {
  const { name, method, path, headers = {}, body, overlap } = schedule;
  const time = new Date(dueMs).toISOString();
  const call: InternalCall = {
    ...ref,
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { target: path }),
    headers: {
      ...(body === undefined || hasContentType(headers) ? {} : { "Content-Type": contentTypeOf(body) }),
      ...headers,
      "X-Faas-Schedule": name,
      "X-Faas-Scheduled-Time": time,
    },
    ...(body === undefined ? {} : { body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)) }),
    requestId,
    ...(isManual ? {} : { idempotencyKey: `schedule:${name}:${time}` }),
    // Several missed runs begin one after the other.
    ...(overlap ? {} : { orderKey: `schedule:${name}` }),
  };
  return internalCall(call);
}

const hasContentType = (headers: Readonly<Record<string, string>>) =>
  Object.keys(headers).some((name) => name.toLowerCase() === "content-type");

const contentTypeOf = (body: NonNullable<Schedule["body"]>) =>
  typeof body === "string" ? "text/plain; charset=utf-8" : "application/json";
