import { z } from "zod";
import type { Immutable } from "../immutable.ts";
import { keyScopes } from "../organizations/keys.ts";

/** Response bodies of the control API about keys. */

const keyViewSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    scope: z.enum(keyScopes),
    org: z.string().optional().describe("Absent: a key of the whole server"),
    createdAt: z.string(),
    expiresAt: z.string().optional().describe("Absent: never"),
    lastUsedAt: z.string().optional().describe("To about an hour. Absent: not used yet"),
  })
  .meta({ id: "Key" });
/** A key as the control API shows it: without its token. */
export type KeyView = Immutable<z.infer<typeof keyViewSchema>>;

/** `GET /-/keys`, `GET /-/orgs/<org>/keys`. */
export const keyListSchema = z.object({ keys: z.array(keyViewSchema) }).meta({ id: "KeyList" });

/** `POST /-/keys`, `POST /-/orgs/<org>/keys`. */
export const newKeyViewSchema = keyViewSchema
  .extend({ token: z.string().describe("The token, which is shown only once") })
  .meta({ id: "NewKey" });
export type NewKeyView = Immutable<z.infer<typeof newKeyViewSchema>>;

/** `GET /-/whoami`. */
export const whoamiSchema = z
  .discriminatedUnion("auth", [
    z.object({ auth: z.literal("open").describe("The server does not require keys") }),
    keyViewSchema.extend({ auth: z.literal("key") }),
  ])
  .meta({ id: "Whoami" });
export type Whoami = Immutable<z.infer<typeof whoamiSchema>>;
