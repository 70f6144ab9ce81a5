import { z } from "zod";
import type { Immutable } from "../immutable.ts";
import { DAY_MS, duration } from "./quantity-schemas.ts";

/** Division of an endpoint's calls among its revisions. */

/** Weighted choice among revisions, as the gateway makes it for each call. */
export interface TrafficSplit {
  readonly variants: readonly { readonly revision: string; readonly weight: number }[];
  /** Calls with the same key go to the same revision: `cookie`, or `header:` and the header's name in lower case. Absent: every call is chosen by itself. */
  readonly sticky?: string;
}

/** Division of an endpoint's calls, as its record has it. */
export interface Traffic {
  /** Percent of the calls by revision. Absent: all go to the serving one. */
  readonly shares?: Readonly<Record<string, number>>;
  readonly sticky?: string;
  /** Revisions by tag. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Revisions that were deployed as a preview. */
  readonly previews?: Readonly<Record<string, Preview>>;
  /** Revision that a canary moves the calls to, while it lasts. */
  readonly canary?: string;
  /** The revision that served before, which keeps a replica for a while: calls can go back to it at once. */
  readonly keptWarm?: { readonly revision: string; readonly until: string };
}

/** Returns the ids of all revisions that a division of calls names. */
export function revisionsInTraffic(traffic: Traffic | undefined): ReadonlySet<string> {
  const { shares = {}, tags = {}, previews = {}, canary, keptWarm } = traffic ?? {};
  const ids = new Set([...Object.keys(shares), ...Object.values(tags), ...Object.keys(previews)]);
  if (canary !== undefined) ids.add(canary);
  return keptWarm ? ids.add(keptWarm.revision) : ids;
}

/** A revision that runs without a share of the calls. */
export interface Preview {
  /** Time at which it is removed (RFC 3339). Absent: never. */
  readonly expiresAt?: string;
}

/** Name of a header (RFC 9110 section 5.6.2). */
const HEADER = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

export const stickySchema = z
  .string()
  .max(128)
  .regex(new RegExp(`^(?:cookie|header:${HEADER})$`), 'expected "cookie" or "header:NAME"')
  .describe(
    "Key of a caller, whose calls all go to the same revision: cookie, which the gateway sets, or a header of the calls",
  );

const TAG_MAX = 30;
/** A label without two hyphens in a row, which separate a tag from an endpoint in a hostname. */
const TAG = "^[a-z0-9]+(?:-[a-z0-9]+)*$";
const REVISION_ID = "^[0-9a-f]{12}$";

/** Schema of a name for a revision. */
export const tagSchema = z
  .string()
  .max(TAG_MAX)
  .regex(new RegExp(TAG), "expected a tag to have lower-case letters, digits and single hyphens")
  .refine((tag) => !new RegExp(REVISION_ID).test(tag), "expected a tag that does not look like a revision")
  .meta({ description: "Name for a revision", not: { pattern: REVISION_ID } });

/** Largest difference of the sum of shares from 100: decimal fractions are not exact. */
const SUM_TOLERANCE = 1e-6;

const sharesSchema = z.record(z.string().min(1).max(64), z.number().min(0).max(100)).superRefine((shares, context) => {
  const sum = wrongShareSum(shares);
  if (sum !== undefined)
    context.addIssue({ code: "custom", message: `expected the shares to add up to 100, got ${sum}` });
});

/** Returns the sum of the shares if it is not 100, rounded for messages. */
export function wrongShareSum(shares: Readonly<Record<string, number>>): number | undefined {
  const sum = Object.values(shares).reduce((total, share) => total + share, 0);
  return Math.abs(sum - 100) < SUM_TOLERANCE ? undefined : Number(sum.toFixed(6));
}

/** `PUT …/endpoints/<endpoint>/split`. */
export const putSplitSchema = z
  .strictObject({
    shares: sharesSchema.describe(
      "Percent of the calls by revision: an id, the beginning of one, or a tag. They add up to 100",
    ),
    sticky: stickySchema.optional().describe("Absent: every call is chosen by itself"),
  })
  .meta({ id: "PutSplit" });
export type PutSplit = z.input<typeof putSplitSchema>;

/** `PUT …/endpoints/<endpoint>/tags/<tag>`. */
export const putTagSchema = z
  .strictObject({ revision: z.string().min(1).max(64).describe("An id, the beginning of one, or another tag") })
  .meta({ id: "PutTag" });

/** Part of a request to deploy: run the revision beside the serving one, without a share of the calls. */
export const previewRequestSchema = z
  .strictObject({
    tag: tagSchema.optional().describe("Tag for the revision. Absent: it has its id only"),
    expires: duration(1000, 365 * DAY_MS)
      .optional()
      .describe("Time after which the preview is removed. Absent: never"),
  })
  .meta({ id: "PreviewRequest" });
export type PreviewRequest = Immutable<z.infer<typeof previewRequestSchema>>;

/** Response of the routes about an endpoint's traffic. */
export const trafficViewSchema = z
  .object({
    serving: z.string().describe("The revision that gets the calls without a split"),
    shares: z
      .record(z.string(), z.number())
      .optional()
      .describe("Percent of the calls by revision. Absent: there is no split"),
    sticky: z.string().optional().describe("Key of a caller. Absent: every call is chosen by itself"),
    tags: z.record(z.string(), z.string()).describe("Revisions by tag"),
    previews: z
      .array(z.object({ revision: z.string(), expiresAt: z.string().optional() }))
      .describe("Revisions that run without a share"),
    keptWarm: z
      .object({ revision: z.string(), until: z.string() })
      .optional()
      .describe("The revision that served before, while it keeps a replica for a rollback"),
  })
  .meta({ id: "Traffic" });
export type TrafficView = Immutable<z.infer<typeof trafficViewSchema>>;
