import { z } from "zod";
import { isStatusList, STATUS_LIST_PATTERN, statusMatcher } from "../logs/log-filter.ts";
import { parseDuration } from "../units.ts";
import { DAY_MS, duration } from "./quantity-schemas.ts";

/** Settings of asynchronous calls: `"async"` in `faas.json`. */

/** Longest wait between deliveries, unless a setting says otherwise. */
const MAX_BACKOFF_MS = 300_000;

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
  maxBackoff: duration(1, DAY_MS)
    .optional()
    .describe("Longest wait between deliveries (default 5m, or backoff if that is longer)"),
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
    .describe(
      "Time for which a completed call and its response can be read (default 24h); failed ones are kept for 14 days",
    ),
});
export type AsyncSettings = z.infer<typeof asyncSettingsSchema>;

/** Schema of the settings of asynchronous calls of a revision. */
export const storedAsyncSettings = z.object({
  attempts: z.int().optional(),
  backoff: z.string().optional(),
  maxBackoff: z.string().optional(),
  failures: z.string().optional(),
  revision: z.enum(asyncRevisions).optional(),
  keep: z.string().optional(),
});

/** Names of the settings, in the order in which they are shown and stored. */
export const asyncSettingNames = Object.keys(asyncSettingsSchema.shape) as readonly (keyof AsyncSettings)[];

/** Returns the settings that have a value, in a fixed order: equal ones have equal revision ids. */
export const normalizedAsyncSettings = (settings: AsyncSettings): AsyncSettings =>
  Object.fromEntries(
    asyncSettingNames.filter((name) => settings[name] !== undefined).map((name) => [name, settings[name]]),
  );

/** Formats the settings as text, such as "attempts=3,failures=429,5xx". */
export const formatAsyncSettings = (settings: AsyncSettings): string =>
  Object.entries(normalizedAsyncSettings(settings))
    .map(([name, value]) => `${name}=${value}`)
    .join(",");

/** Returns the contradiction between settings that are valid by themselves, for a message; undefined when there is none. */
export function asyncSettingsProblem(settings: AsyncSettings): string | undefined {
  const { backoff = "1s", maxBackoff = backoff } = settings;
  if ((parseDuration(maxBackoff) as number) >= (parseDuration(backoff) as number)) return undefined;
  return `expected "async.maxBackoff" to be at least "async.backoff" (${backoff}), got ${maxBackoff}`;
}

/** Rules for the deliveries of an endpoint's asynchronous calls, complete; times in milliseconds. */
export interface AsyncPolicy {
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Returns true for a status that counts as a failure. */
  readonly isFailure: (status: number) => boolean;
  readonly revision: (typeof asyncRevisions)[number];
  readonly keepMs: number;
}

/** Fills in the defaults. */
export function asyncPolicy({
  attempts = 5,
  backoff = "1s",
  maxBackoff,
  failures = "408,425,429,5xx",
  revision = "delivery",
  keep = "24h",
}: AsyncSettings = {}): AsyncPolicy {
  const backoffMs = parseDuration(backoff) as number;
  return {
    ...{ attempts, isFailure: statusMatcher(failures), revision, backoffMs },
    maxBackoffMs:
      maxBackoff === undefined ? Math.max(MAX_BACKOFF_MS, backoffMs) : (parseDuration(maxBackoff) as number),
    keepMs: parseDuration(keep) as number,
  };
}
