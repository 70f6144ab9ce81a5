import { z } from "zod";
import type { Immutable } from "../../immutable.ts";
import { scheduleMethods } from "../../schedules/schedule-settings.ts";
import { asyncCallStates } from "./async-call-responses.ts";

/** Response bodies of the control API about schedules. */

/** Reasons to skip a run of a schedule. */
export const skipReasons = ["missed", "overlap", "rejected"] as const;
export type SkipReason = (typeof skipReasons)[number];

const timeSchema = z
  .object({
    utc: z.string().describe("RFC 3339, UTC"),
    local: z.string().describe("RFC 3339, with the offset of the schedule's time zone at that time"),
  })
  .meta({ id: "ScheduleTime" });

const runSchema = z
  .object({
    due: timeSchema.describe("Time at which the schedule was due, or the run was requested by hand"),
    call: z.string().optional().describe("Id of the asynchronous call. Absent: the run was skipped"),
    state: z
      .enum(asyncCallStates)
      .optional()
      .describe("State of the call. Absent: the run had no call, or the call was removed"),
    manual: z.boolean().optional().describe("True: requested by hand"),
    skipped: z
      .enum(skipReasons)
      .optional()
      .describe(
        "Reason of a skipped run. missed: the server was down at that time. overlap: the previous run had not ended. rejected: the call could not be stored within a minute",
      ),
    detail: z.string().optional().describe("More about the reason"),
  })
  .meta({ id: "ScheduleRun" });
export type ScheduleRun = Immutable<z.infer<typeof runSchema>>;

const scheduleViewSchema = z
  .object({
    org: z.string(),
    endpoint: z.string(),
    name: z.string(),
    cron: z.string(),
    times: z.string().describe("The expression with numbers alone, also for H and nicknames"),
    timeZone: z.string(),
    method: z.enum(scheduleMethods),
    path: z.string(),
    missed: z.union([z.enum(["once", "skip"]), z.int()]),
    overlap: z.boolean(),
    enabled: z.boolean(),
    next: z.array(timeSchema).describe("The next three times; none while it is disabled"),
    runs: z.array(runSchema).describe("The last runs and skipped runs, at most 20, the newest first"),
  })
  .meta({ id: "Schedule" });
/** A schedule, as the control API shows it. */
export type ScheduleView = Immutable<z.infer<typeof scheduleViewSchema>>;

/** `GET /-/orgs/<org>/schedules`. */
export const scheduleListSchema = z.object({ schedules: z.array(scheduleViewSchema) }).meta({ id: "ScheduleList" });
export type ScheduleList = Immutable<z.infer<typeof scheduleListSchema>>;
