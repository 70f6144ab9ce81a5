import { z } from "zod";
import { quantityPattern } from "../quantity-pattern.ts";
import { DURATION_UNITS, parseDuration } from "../units.ts";
import { orgScopes } from "./keys.ts";

const MAX_MS = 10 * 365 * 86_400_000;
const expires = z
  .string()
  .refine((text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms > 0 && ms <= MAX_MS;
  }, "expected a duration such as 90d, at most 3650d")
  .optional()
  .meta({
    description: "How long it is good for (default: until it is revoked): a duration of at most 3650d",
    get pattern() {
      return quantityPattern(DURATION_UNITS, 1, MAX_MS);
    },
  });
const name = z
  .string()
  .regex(/^[A-Za-z0-9_.@/ -]{1,64}$/, "expected 1 to 64 letters, digits, spaces and . @ / - _")
  .optional()
  .describe("Purpose of the key, shown in lists (default: its scope)");

/** `POST /-/orgs/<org>/keys`. */
export const postOrgKeySchema = z
  .strictObject({
    scope: z.enum(orgScopes).describe("Permissions of the key. deploy includes read and invoke"),
    name,
    expires,
  })
  .meta({ id: "CreateKey" });
export type PostOrgKey = z.input<typeof postOrgKeySchema>;

/** `POST /-/keys`: an admin key. */
export const postAdminKeySchema = z.strictObject({ name, expires }).meta({ id: "CreateAdminKey" });
export type PostAdminKey = z.input<typeof postAdminKeySchema>;
