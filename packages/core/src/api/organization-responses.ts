import { z } from "zod";
import type { Immutable } from "../immutable.ts";
import { limitsSchema } from "../organizations/limits.ts";

/** Response bodies of the control API about organizations. */

const shownLimitsSchema = z.object(limitsSchema.shape).meta({ id: "Limits" });

const limitsUseSchema = z
  .object({
    endpoints: z.int(),
    replicas: z.int().describe("Reserved by the settings of its endpoints, or running, if that is more"),
    cpu: z.string(),
    memory: z.string(),
    disk: z.string().optional().describe("Absent: an older server"),
    requestsPerSecond: z.number().describe("Admitted calls, averaged over the last ten seconds"),
    concurrentRequests: z.int(),
    waitingCalls: z
      .int()
      .optional()
      .describe("Asynchronous calls that have not been completed. Absent: an older server"),
    waitingBytes: z.int().optional().describe("Bytes of their bodies"),
    bundleBytes: z.int(),
    hostnames: z.array(z.string()).optional().describe("Hostnames of its endpoints. Absent: none"),
  })
  .meta({ id: "LimitsUse" });
export type LimitsUse = Immutable<z.infer<typeof limitsUseSchema>>;

const orgViewSchema = z
  .object({
    org: z.string(),
    createdAt: z.string(),
    limits: shownLimitsSchema.optional().describe("Limits that were set. Absent: none"),
    defaultLimits: shownLimitsSchema.optional().describe("Limits where none were set. Absent: no defaults"),
    endpoints: z.array(z.string()).describe("Names of its endpoints"),
  })
  .meta({ id: "Organization" });
export type OrgView = Immutable<z.infer<typeof orgViewSchema>>;

/** `GET /-/orgs/<org>`, `PUT /-/orgs/<org>`. */
export const orgDetailsSchema = orgViewSchema
  .extend({ use: limitsUseSchema.describe("Amounts in use now") })
  .meta({ id: "OrganizationDetails" });
export type OrgDetails = Immutable<z.infer<typeof orgDetailsSchema>>;

/** `GET /-/orgs/<org>/signing-key`, and `POST`, which replaces it. */
export const signingKeySchema = z
  .object({
    org: z.string(),
    key: z.string().describe("whsec_ and base64: signs calls to URLs (Standard Webhooks)"),
    createdAt: z.string().describe("RFC 3339, UTC"),
    previous: z
      .object({ key: z.string(), validUntil: z.string().describe("RFC 3339, UTC") })
      .optional()
      .describe("Key that signs calls too, until that time. Absent: none"),
  })
  .meta({ id: "SigningKey" });
export type SigningKeyView = Immutable<z.infer<typeof signingKeySchema>>;

/** `GET /-/orgs`. */
export const orgListSchema = z.object({ orgs: z.array(orgViewSchema) }).meta({ id: "OrganizationList" });
