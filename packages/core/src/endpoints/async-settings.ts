import { z } from "zod";
import { isStatusList, STATUS_LIST_PATTERN } from "../logs/log-filter.ts";
import { parseDuration } from "../units.ts";
import { DAY_MS, duration } from "./quantity-schemas.ts";

/** Settings of asynchronous calls: `"async"` in `faas.json`. */

/** Moments that determine the revision of an asynchronous call. */
export const asyncRevisions = ["delivery", "enqueue"] as const;

const failuresSchema = z
  .string()
  .refine(isStatusList, "expected statuses and classes, such as 429,5xx")
  .meta({ pattern: STATUS_LIST_PATTERN });

/** Schema of the settings of asynchronous calls, all optional. */
export const asyncSettingsSchema = z.strictObject({
  attempts: z.int().min(1).max(100).optional().describe("Deliveries of a call before it has failed (default 5)"),
  backoff: duration(1, DAY_MS)
    .optional()
    .describe("Wait before the second delivery (default 1s); it doubles with each, with jitter"),
  maxBackoff: duration(1, DAY_MS).optional().describe("Longest wait between deliveries (default 5m)"),
  failures: failuresSchema
    .optional()
    .describe("Statuses of responses that count as failures and are tried again (default 408,425,429,5xx)"),
  revision: z
    .enum(asyncRevisions)
    .optional()
    .describe(
      "Revision that gets the call (default delivery): the one that serves at delivery, or the one that served when the call was accepted",
    ),
  keep: duration(1_000, 30 * DAY_MS)
    .optional()
    .describe("Time for which the response can be read (default 24h)"),
});
export type AsyncSettings = z.infer<typeof asyncSettingsSchema>;

/** Rules for the deliveries of an endpoint's asynchronous calls, complete; times in milliseconds. */
export interface AsyncPolicy {
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** List of statuses, such as `429,5xx`. */
  readonly failures: string;
  readonly revision: (typeof asyncRevisions)[number];
  readonly keepMs: number;
}

/** Fills in the defaults. */
export function asyncPolicy({
  attempts = 5,
  backoff = "1s",
  maxBackoff = "5m",
  failures = "408,425,429,5xx",
  revision = "delivery",
  keep = "24h",
}: AsyncSettings = {}): AsyncPolicy {
  return {
    ...{ attempts, failures, revision },
    backoffMs: parseDuration(backoff) as number,
    maxBackoffMs: parseDuration(maxBackoff) as number,
    keepMs: parseDuration(keep) as number,
  };
}
