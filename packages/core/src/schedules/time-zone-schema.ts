import { z } from "zod";
import { FaasError } from "../errors.ts";
import { parseTimeZone, TIME_ZONE_PATTERN } from "./time-zone.ts";

/** Schema of a time zone's name. */
export const timeZoneSchema = z
  .string()
  .superRefine((name, context) => {
    const problem = problemOf(() => parseTimeZone(name));
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .meta({ pattern: TIME_ZONE_PATTERN });

/** Returns the message of an invalid value as it is within a list of issues; undefined for a valid one. */
export function problemOf(parse: () => unknown): string | undefined {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof FaasError)) throw error;
    return error.message.replace(/^Expected/, "expected");
  }
  return undefined;
}
