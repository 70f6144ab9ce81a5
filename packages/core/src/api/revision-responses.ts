import { z } from "zod";
import { warmImageSchema } from "../endpoints/endpoint.ts";
import { revisionOriginSchema } from "../endpoints/revision-origin.ts";
import { settingsSchema } from "../endpoints/settings.ts";
import type { Immutable } from "../immutable.ts";

/** Response bodies of the control API about revisions. */

const revisionStates = ["deploying", "serving", "kept", "failed"] as const;
export type RevisionState = (typeof revisionStates)[number];

const revisionViewSchema = z
  .object({
    revision: z.string().describe("Its id"),
    state: z
      .enum(revisionStates)
      .describe(
        "deploying: it is about to serve. serving: it serves. kept: it can be rolled back to. failed: its deployment failed",
      ),
    share: z.number().describe("Percentage of the calls that it gets"),
    tags: z.array(z.string()).optional().describe("Names that lead to it, each with an address. Absent: none"),
    preview: z
      .object({ expiresAt: z.string().optional().describe("Absent: never") })
      .optional()
      .describe("Present when it runs as a preview, without a share of the calls"),
    keptWarmUntil: z
      .string()
      .optional()
      .describe(
        "Present while it keeps a replica for a rollback, because it served before: the time at which that ends",
      ),
    createdAt: z.string(),
    servedUntil: z
      .string()
      .optional()
      .describe("Time when another revision replaced it. Absent: it serves, or has never served"),
    image: z.string().describe("bundle@sha256:… or the reference of an image"),
    warm: z.object(warmImageSchema.shape).optional().describe("Warm part of the image. Absent: none"),
    origin: revisionOriginSchema.optional().describe("Absent: an older release of the server deployed it"),
  })
  .meta({ id: "Revision" });
/** A revision as the control API shows it. */
export type RevisionView = Immutable<z.infer<typeof revisionViewSchema>>;

/** `GET …/endpoints/<endpoint>/revisions`. */
export const revisionListSchema = z.object({ revisions: z.array(revisionViewSchema) }).meta({ id: "RevisionList" });

/** `GET …/endpoints/<endpoint>/revisions/<revision>`. */
export const revisionDetailsSchema = revisionViewSchema
  .extend({
    settings: settingsSchema,
    secrets: z
      .record(z.string(), z.string())
      .optional()
      .describe("Versions by name of the secrets in the settings: each value has a version. Absent: no secrets"),
  })
  .meta({ id: "RevisionDetails" });
export type RevisionDetails = Immutable<z.infer<typeof revisionDetailsSchema>>;

const revisionFileSchema = z
  .object({
    path: z.string(),
    bytes: z.int(),
    digest: z.string().describe("SHA-256 of its content, or of the target of a symbolic link"),
  })
  .meta({ id: "RevisionFile" });
export type RevisionFile = Immutable<z.infer<typeof revisionFileSchema>>;

/** `GET …/endpoints/<endpoint>/revisions/<revision>/files`. */
export const revisionFilesSchema = z
  .object({
    bundle: z.string().optional().describe("Digest of the bundle that has the files. Absent: an image alone has them"),
    files: z.array(revisionFileSchema).optional().describe("Absent: the server does not have them"),
  })
  .meta({ id: "RevisionFiles" });
export type RevisionFiles = Immutable<z.infer<typeof revisionFilesSchema>>;

/** `POST …/endpoints/<endpoint>/rollback`. */
export const rolledBackSchema = z
  .object({
    org: z.string(),
    endpoint: z.string(),
    url: z.string().describe("Absolute URL that calls are sent to"),
    revision: z.string().describe("The revision that is deployed or being deployed now"),
    unchanged: z.boolean().describe("True when it served already"),
    replaced: z.string().describe("The revision that was deployed before the request"),
    renewed: z
      .array(z.string())
      .optional()
      .describe(
        "Names of secrets whose values in the chosen revision are gone: the newest ones are used, so the revision has another id. Absent: none",
      ),
  })
  .meta({ id: "RolledBack" });
export type RolledBack = Immutable<z.infer<typeof rolledBackSchema>>;
