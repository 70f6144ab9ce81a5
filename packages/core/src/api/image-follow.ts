import { z } from "zod";
import { type CanaryRequest, canaryRequestSchema } from "../endpoints/canary.ts";
import type { Immutable } from "../immutable.ts";

/** An endpoint that follows a tag: each image that gets the tag is deployed (docs/image-follow.md). */

/** Part of an endpoint's record: the tag that it follows. */
export interface ImageFollow {
  /** Image with its tag, as it was deployed. */
  readonly image: string;
  /** Digest that was last deployed, or failed to. It is not deployed again before the tag moves. */
  readonly digest: string;
  /** How the calls move to a new revision. Absent: at once. */
  readonly canary?: CanaryRequest;
  /** Why the digest was not deployed. Absent: it was. */
  readonly failure?: FollowFailure;
}

const followFailureSchema = z.object({
  code: z.string(),
  detail: z.string(),
  at: z.string().describe("RFC 3339, UTC"),
});
export type FollowFailure = Immutable<z.infer<typeof followFailureSchema>>;

/** `POST /-/hooks/registry`. */
export const registryHookSchema = z.object({ checks: z.int() }).meta({ id: "RegistryHook" });

/** An endpoint's tag, as the control API shows it. */
export const followViewSchema = z
  .object({
    image: z.string().describe("Image with the tag"),
    digest: z.string().describe("Digest that was last deployed, or failed to: it is not deployed again"),
    canary: canaryRequestSchema.optional().describe("How the calls move to a new revision. Absent: at once"),
    checkedAt: z
      .string()
      .optional()
      .describe("Time of the last check of the tag. Absent: none since the server's start"),
    notifiedAt: z
      .string()
      .optional()
      .describe("Time of the registry's last notification. Absent: none since the start"),
    failure: followFailureSchema.optional().describe("Why the tag was not checked, or its image not deployed"),
  })
  .meta({ id: "ImageFollow", description: "The tag that the endpoint follows" });
export type FollowView = Immutable<z.infer<typeof followViewSchema>>;
