import { z } from "zod";
import type { Immutable } from "../immutable.ts";
import { DAY_MS, duration } from "./quantity-schemas.ts";
import { stickySchema } from "./traffic.ts";

/** Canary deployments: the calls move to a new revision in steps, as long as it is not worse than the serving one. */

const STEPS_MAX = 20;

/** Returns why shares cannot be the steps of a canary; undefined when they can. */
export function canaryStepsProblem(steps: readonly number[]): string | undefined {
  const isRising = steps.every((share, i) => share > (steps[i - 1] ?? 0));
  if (isRising && steps.length >= 2 && steps.length <= STEPS_MAX && steps.at(-1) === 100) return undefined;
  return `expected 2 to ${STEPS_MAX} rising percentages of which the last is 100, got ${steps.join(", ") || "none"}`;
}

const stepsSchema = z
  .array(z.number().gt(0).max(100))
  .min(2)
  .max(STEPS_MAX)
  .superRefine((steps, context) => {
    const problem = canaryStepsProblem(steps);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });

/** Part of a request to deploy, and of `faas.json`: move the calls to the revision in steps. */
export const canaryRequestSchema = z
  .strictObject({
    steps: stepsSchema.describe("Percentages of the calls that the new revision gets, one after the other, up to 100"),
    every: duration(1000, DAY_MS).optional().describe("Shortest time of a step (default: 2m)"),
    maxErrorRate: z
      .number()
      .min(0.01)
      .max(100)
      .optional()
      .describe(
        "Percentage points by which the share of failed calls may be above that of the old revision (default: 1)",
      ),
    maxP95: z
      .number()
      .min(1.05)
      .max(100)
      .optional()
      .describe("Factor by which the 95th percentile of durations may exceed that of the old revision (default: 1.5)"),
    timeout: duration(1000, 30 * DAY_MS)
      .optional()
      .describe("Longest time of a step; without enough calls by then, the old revision gets all calls (default: 1d)"),
    sticky: stickySchema.optional().describe("Absent: that of the present split, or every call is chosen by itself"),
  })
  .meta({ id: "CanaryRequest" });
export type CanaryRequest = Immutable<z.infer<typeof canaryRequestSchema>>;

const canaryStates = ["starting", "running", "promoting", "promoted", "rolled-back", "replaced"] as const;
export type CanaryState = (typeof canaryStates)[number];

/** Tells whether a canary has not ended. */
export const isCanaryActive = (state: string): boolean => ["starting", "running", "promoting"].includes(state);

const seenCallsSchema = z.object({
  calls: z.int(),
  errors: z.int().describe("Calls with a status of 500 or higher"),
  p95Ms: z.number().optional().describe("Absent without calls"),
});

const rangeSchema = z.object({ low: z.number(), high: z.number().optional().describe("Absent: not bounded yet") });

/** Progress of a canary, as the control API shows it. */
export const canaryViewSchema = z
  .object({
    revision: z.string().describe("The new revision"),
    base: z.string().describe("The revision that it is compared with"),
    state: z
      .enum(canaryStates)
      .describe(
        "starting: the first replica is not ready. running: it has a share. promoting: it is about to serve. promoted: it serves. rolled-back: it has no share any more. replaced: something else was deployed or split",
      ),
    steps: z.array(z.number()).describe("Percentages of the calls"),
    share: z.number().describe("Percentage of the calls that the new revision gets, or got last"),
    every: z.string(),
    timeout: z.string(),
    maxErrorRate: z.number(),
    maxP95: z.number(),
    startedAt: z.string(),
    stepAt: z.string().describe("Start of the present step"),
    endedAt: z.string().optional().describe("Absent: it has not ended"),
    detail: z.string().describe("Present activity, or why it ended"),
    seen: z
      .object({
        canary: seenCallsSchema,
        base: seenCallsSchema,
        errorRateDifference: rangeSchema.describe("Percentage points by which more calls fail"),
        p95Factor: rangeSchema.describe("Factor between the 95th percentiles"),
      })
      .optional()
      .describe("Calls of the last step, and the ranges that are likely. Absent: none were counted"),
  })
  .meta({ id: "Canary" });
export type CanaryView = Immutable<z.infer<typeof canaryViewSchema>>;
