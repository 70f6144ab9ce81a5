import { z } from "zod";
import type { Immutable } from "../immutable.ts";

/** Provenance of revisions: what a client says about the code that it deploys, and what the server adds. */

/** Maximum length of a deployment's message. */
const MESSAGE_MAX = 500;

/** Schema of what a client says about a deployment. */
export const deploymentSourceSchema = z
  .strictObject({
    message: z.string().min(1).max(MESSAGE_MAX).optional().describe("Why it is deployed, in the words of its author"),
    commit: z
      .string()
      .regex(/^[0-9a-f]{7,64}$/, "expected 7 to 64 lower-case hexadecimal digits")
      .optional()
      .describe("Git commit of the folder"),
    dirty: z.literal(true).optional().describe("Present when the folder has changes that are not in the commit"),
  })
  .meta({ id: "DeploymentSource", description: "Where a deployment comes from" });
export type DeploymentSource = Immutable<z.infer<typeof deploymentSourceSchema>>;

/** Schema of the provenance of a revision. */
export const revisionOriginSchema = z
  .object({
    at: z.string().describe("Time of its deployment. RFC 3339, UTC"),
    by: z.string().optional().describe("Name of the key that deployed it. Absent: the server required no key"),
    from: z.string().optional().describe("Address of the client, as in the audit log"),
    message: z.string().optional(),
    commit: z.string().optional().describe("Git commit of the folder. Absent: unknown"),
    dirty: z.literal(true).optional().describe("Present when the folder had changes that are not in the commit"),
  })
  .meta({ id: "RevisionOrigin", description: "Provenance of a revision" });
export type RevisionOrigin = Immutable<z.infer<typeof revisionOriginSchema>>;
