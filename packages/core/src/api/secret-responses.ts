import { z } from "zod";
import type { Immutable } from "../immutable.ts";

/** Response bodies of the control API about secrets: never a value. */

const secretViewSchema = z
  .object({
    name: z.string(),
    setAt: z.string().describe("When it got its current value. RFC 3339, UTC"),
    endpoints: z.array(z.string()).describe("Names of the endpoints that use it"),
  })
  .meta({ id: "Secret" });
export type SecretView = Immutable<z.infer<typeof secretViewSchema>>;

/** `GET /-/orgs/<org>/secrets`. */
export const secretListSchema = z.object({ secrets: z.array(secretViewSchema) }).meta({ id: "SecretList" });

/** `PUT …/secrets/<name>`: 201 when new, 200 when changed. */
export const secretSetSchema = z
  .object({
    name: z.string(),
    setAt: z.string(),
    rolls: z
      .array(z.object({ endpoint: z.string(), revision: z.string() }))
      .describe("The endpoints that use it, each with the revision that is being deployed and has the new value"),
  })
  .meta({ id: "SecretSet" });
export type SecretSet = Immutable<z.infer<typeof secretSetSchema>>;
