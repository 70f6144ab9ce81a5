import { createHash } from "node:crypto";
import { z } from "zod";
import { type EndpointRef, endpointKey } from "../endpoints/endpoint-key.ts";
import { FaasError } from "../errors.ts";
import type { Immutable } from "../immutable.ts";
import { LABEL } from "../names.ts";
import { type Cron, parseCron } from "./cron.ts";
import { nextTimes } from "./cron-times.ts";
import { problemOf, timeZoneSchema } from "./time-zone-schema.ts";

/** Schedules of an endpoint: `"schedules"` in `faas.json`. */

/** Maximum number of schedules of an endpoint. */
export const SCHEDULES_MAX = 50;
/** Maximum number of missed runs that a schedule makes up for. */
const MISSED_MAX = 100;
const HEADERS_MAX = 20;
const BODY_BYTES_MAX = 16_384;
const NAME_LENGTH_MAX = 63;

export const scheduleMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** Schema of the name of a schedule. */
export const scheduleName = z
  .string()
  .regex(LABEL, "expected lower-case letters, digits and hyphens, such as nightly-report")
  .max(NAME_LENGTH_MAX);

const cronSchema = z
  .string()
  .superRefine((text, context) => {
    const problem = cronProblem(text);
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .meta({ pattern: String.raw`^\s*(?:@[A-Za-z]+|\S+(?:\s+\S+){4})\s*$` });

/** Returns the reason to reject an expression. A date that does not exist has an error of its own: {@link checkSchedules}. */
function cronProblem(text: string): string | undefined {
  return problemOf(() => {
    try {
      parseCron(text, { seed: "" });
    } catch (error) {
      if (!(error instanceof FaasError && error.code === "SCHEDULE_NEVER_DUE")) throw error;
    }
  });
}

/** Headers that the server sets, or that concern a connection. */
const RESERVED_HEADER =
  /^(?:x-faas-.*|host|connection|content-length|transfer-encoding|upgrade|expect|te|trailer|keep-alive|prefer|idempotency-key|proxy-.*)$/i;

const headersSchema = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "expected the name of a header, such as Content-Type")
      .refine((name) => !RESERVED_HEADER.test(name), "expected a header that the server does not set itself"),
    z.string().regex(/^(?:[!-~](?:[ -~]*[!-~])?)?$/, "expected ASCII text without spaces around it"),
  )
  .refine((headers) => Object.keys(headers).length <= HEADERS_MAX, `expected at most ${HEADERS_MAX} headers`);

const bodySchema = z
  .union([z.string(), z.number(), z.boolean(), z.array(z.unknown()).readonly(), z.record(z.string(), z.unknown())])
  .refine(
    (body) => Buffer.byteLength(JSON.stringify(body)) <= BODY_BYTES_MAX,
    `expected at most ${BODY_BYTES_MAX} bytes of JSON`,
  );

/** Schema of a schedule. */
export const scheduleSchema = z.strictObject({
  name: scheduleName.optional().describe("Name, unique in the endpoint (default: made of the path, and of a digest)"),
  cron: cronSchema.describe("Times: minute, hour, day of month, month and day of week, such as 0 8 * * 1-5, or @daily"),
  timeZone: timeZoneSchema.optional().describe("Time zone of cron, such as Europe/Berlin (default UTC)"),
  method: z.enum(scheduleMethods).optional().describe("Method of the request (default POST)"),
  path: z
    .string()
    .regex(/^\/[!-"$-~]*$/, 'expected a path that begins with "/", such as /report?type=daily')
    .max(1024)
    .optional()
    .describe("Path and query of the request (default /)"),
  headers: headersSchema.optional().describe("Headers of the request"),
  body: bodySchema.optional().describe("Body of the request: text, or JSON (default: none)"),
  missed: z
    .union([z.enum(["once", "skip"]), z.int().min(1).max(MISSED_MAX)])
    .optional()
    .describe(
      "Runs that were due while the server was down (default once): the last one, none, or that many of the last ones",
    ),
  overlap: z.boolean().optional().describe("Run also while the previous run has not ended (default false)"),
  enabled: z.boolean().optional().describe("False: no runs (default true)"),
});
export type ScheduleInput = Immutable<z.input<typeof scheduleSchema>>;

/** Schema of the schedules of an endpoint. */
export const schedulesSchema = z.array(scheduleSchema).max(SCHEDULES_MAX).readonly();

const storedScheduleSchema = z.object({
  name: z.string(),
  cron: z.string(),
  timeZone: z.string(),
  method: z.enum(scheduleMethods).optional().describe("Absent: POST"),
  path: z.string().optional().describe("Absent: /"),
  headers: z.record(z.string(), z.string()).optional().describe("Absent: none"),
  body: bodySchema.optional().describe("Absent: none"),
  missed: z
    .union([z.literal("skip"), z.int()])
    .optional()
    .describe("Absent: once"),
  overlap: z.literal(true).optional().describe("Absent: false"),
  enabled: z.literal(false).optional().describe("Absent: true"),
});
/** A schedule of a revision. */
export type Schedule = Immutable<z.infer<typeof storedScheduleSchema>>;

/** Schema of the schedules of a revision. */
export const storedSchedules = z.array(storedScheduleSchema).readonly();

/** Fills in names and time zones, and leaves out what is the default: equal schedules have equal revision ids. */
export const normalizedSchedules = (schedules: readonly ScheduleInput[]): readonly Schedule[] =>
  schedules.map(({ name, cron, timeZone = "UTC", method, path, headers = {}, body, missed, overlap, enabled }) => ({
    name: name ?? defaultName({ cron, timeZone, method, path }),
    cron,
    timeZone,
    ...(method === undefined || method === "POST" ? {} : { method }),
    ...(path === undefined || path === "/" ? {} : { path }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
    ...(missed === undefined || missed === "once" ? {} : { missed }),
    ...(overlap ? { overlap } : {}),
    ...(enabled === false ? { enabled } : {}),
  }));

/** Makes a name that stays the same while the schedule is at the same times with the same request line. */
function defaultName({
  cron,
  timeZone,
  method = "POST",
  path = "/",
}: {
  readonly cron: string;
  readonly timeZone: string;
  readonly method: string | undefined;
  readonly path: string | undefined;
}): string {
  const words = path
    .replace(/\?.*$/, "")
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ["run"];
  const digest = digestOf([cron.trim().split(/\s+/).join(" "), timeZone, method, path]);
  return `${words.join("-").slice(0, NAME_LENGTH_MAX - 7)}-${digest.slice(0, 6)}`;
}

const digestOf = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex");

/** Formats a schedule as text that differs for different ones, such as "nightly: 0 2 * * * Europe/Berlin, POST /report". */
export function formatSchedule({ name, cron, timeZone, method = "POST", path = "/", ...rest }: Schedule): string {
  const more = Object.entries(rest).map(([key, value]) => `, ${key} ${shortened(value)}`);
  return `${name}: ${cron} ${timeZone}, ${method} ${path}${more.join("")}`;
}

const SHOWN_LENGTH = 100;

function shortened(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= SHOWN_LENGTH
    ? text
    : `of ${Buffer.byteLength(text)} bytes (sha256:${digestOf(value).slice(0, 8)})`;
}

/** Returns the contradiction between schedules that are valid by themselves, for a message; undefined when there is none. */
export function schedulesProblem(schedules: readonly Schedule[]): string | undefined {
  const names = schedules.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? undefined : `expected each of "schedules" to have its own "name", got two of "${twice}"`;
}

/** Returns the parsed expression of a schedule, in which `H` is chosen by the names of endpoint and schedule. */
export const scheduleCron = (ref: EndpointRef, { cron, name }: Pick<Schedule, "cron" | "name">): Cron =>
  parseCron(cron, { seed: `${endpointKey(ref)} ${name}` });

/**
 * Checks that each schedule will be due.
 *
 * @throws SCHEDULE_NEVER_DUE with the path of the field in `issues`
 */
export function checkSchedules(ref: EndpointRef, schedules: readonly Schedule[], nowMs: number): void {
  for (const [index, schedule] of schedules.entries()) {
    const problem = problemOf(() => {
      if (nextTimes(scheduleCron(ref, schedule), schedule.timeZone, nowMs, 1).length === 0)
        throw new FaasError(
          "SCHEDULE_NEVER_DUE",
          `Expected a cron expression with a next time, got "${schedule.cron}"`,
        );
    });
    if (problem === undefined) continue;
    const path = `schedules.${index}.cron`;
    throw new FaasError("SCHEDULE_NEVER_DUE", `In the settings: "${path}": ${problem}`, {
      extensions: { issues: [{ path, message: problem }] },
    });
  }
}
