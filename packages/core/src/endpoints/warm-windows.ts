import { z } from "zod";
import { parseCron } from "../schedules/cron.ts";
import { problemOf, timeZoneSchema } from "../schedules/time-zone-schema.ts";
import { DAY_MS, duration, REPLICAS_MAX } from "./quantity-schemas.ts";

/** Warm windows: times with a minimum number of replicas. */

/** Maximum number of windows of an endpoint. */
const WINDOWS_MAX = 20;

/** Pattern of a number or a name of a field. */
const VALUE = "(?:[0-9]{1,2}|[A-Za-z]{3})";
const RANGE = String.raw`(?:\*(?:/[0-9]{1,2})?|${VALUE}(?:-${VALUE}(?:/[0-9]{1,2})?)?)`;
const FIELD = `${RANGE}(?:,${RANGE})*`;
/** Pattern of five fields as every program reads them: schedules have nicknames and `H` too. */
const CRON_PATTERN = `^${FIELD}(?: +${FIELD}){4}$`;
const CRON = new RegExp(CRON_PATTERN);
const FIVE_FIELDS = "expected five fields: minute, hour, day of month, month, day of week";

const cronSchema = z
  .string()
  .superRefine((cron, context) => {
    const problem = cronProblem(cron);
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .meta({
    pattern: CRON_PATTERN,
    /** Replaces the pattern where people see it. */
    forEditors: { pattern: String.raw`^\S+(?: +\S+){4}$`, patternErrorMessage: FIVE_FIELDS },
  });

/** Returns the reason to reject a cron expression, as "expected …, got …"; undefined for a valid one. */
function cronProblem(cron: string): string | undefined {
  if (cron.split(/ +/).length !== 5) return `${FIVE_FIELDS}, got "${cron}"`;
  const problem = problemOf(() => parseCron(cron));
  if (problem !== undefined || CRON.test(cron)) return problem;
  return `expected fields of *, numbers, names, ranges, lists and steps such as */15, got "${cron}"`;
}

const warmWindowSchema = z.strictObject({
  cron: cronSchema.describe("Beginnings: minute, hour, day of month, month and day of week, such as 0 8 * * 1-5"),
  timeZone: timeZoneSchema.describe("Time zone of cron, such as Europe/Berlin"),
  for: duration(60_000, 7 * DAY_MS).describe("Time from each beginning, such as 10h"),
  replicas: z.int().min(1).max(REPLICAS_MAX).describe("Minimum replicas during that time"),
});

/** Schema of the windows of an endpoint. */
export const warmWindowsSchema = z.array(warmWindowSchema).max(WINDOWS_MAX).readonly();
export type WarmWindow = z.infer<typeof warmWindowSchema>;

/** Schema of the windows of a revision. */
export const storedWarmWindows = z
  .array(z.object({ cron: z.string(), timeZone: z.string(), for: z.string(), replicas: z.int() }))
  .readonly();

/** Formats a window as text, such as "0 8 * * 1-5 Europe/Berlin 10h 2". */
export const formatWarmWindow = ({ cron, timeZone, for: length, replicas }: WarmWindow): string =>
  `${cron} ${timeZone} ${length} ${replicas}`;

/** Form of the text of {@link formatWarmWindow}, for messages. */
export const WARM_WINDOW_FORM =
  "a cron expression, a time zone, a duration and a number of replicas, such as 0 8 * * 1-5 Europe/Berlin 10h 2";

/** Parses the text of {@link formatWarmWindow} into its parts, which may be invalid; undefined for another number of parts. */
export function parseWarmWindow(text: string): WarmWindow | undefined {
  const parts = text.trim().split(/\s+/);
  const [timeZone, length, replicas] = parts.slice(5);
  if (timeZone === undefined || length === undefined || replicas === undefined || parts.length > 8) return undefined;
  // The schema reports what is not a number.
  return { cron: parts.slice(0, 5).join(" "), timeZone, for: length, replicas: numberIn(replicas) };
}

const numberIn = (text: string) => (/^\d+$/.test(text) ? Number(text) : (text as unknown as number));
