import { z } from "zod";
import { secretName } from "../endpoints/secrets.ts";
import { LABEL } from "../names.ts";
import { requestPathSchema } from "./request-path-schema.ts";

/** Webhooks of an endpoint: `"hooks"` in `faas.json`. */

/**
 * Ways in which senders prove where a webhook comes from. `standard`: Standard Webhooks. `token`: the secret itself, in `Authorization: Bearer` or
 * `X-Gitlab-Token`.
 */
export const hookProviders = ["github", "stripe", "slack", "standard", "token"] as const;
export type HookProvider = (typeof hookProviders)[number];

/** Maximum length of a hook's name. */
const NAME_MAX = 63;
/** Maximum number of hooks of an endpoint. */
const HOOKS_MAX = 50;

/** Schema of a hook's name. */
export const hookNameSchema = z
  .string()
  .max(NAME_MAX)
  .regex(LABEL, "expected the name of a hook to be lower-case letters, digits and hyphens");

/** Schema of a hook. */
export const hookSchema = z.strictObject({
  name: hookNameSchema.describe("Name in the URL /-/hooks/<org>/<name>, unique in the organization"),
  provider: z
    .enum(hookProviders)
    .describe("Sender, which determines how requests are signed. standard: Standard Webhooks. token: not signed"),
  secret: secretName.describe("Name of the secret of the organization with which the sender signs"),
  path: requestPathSchema.optional().describe("Path at which the function gets the requests (default /)"),
});
export type Hook = z.infer<typeof hookSchema>;

/** Schema of the hooks of an endpoint. */
export const hooksSchema = z.array(hookSchema).max(HOOKS_MAX).readonly();

/** Schema of the hooks of a revision. */
export const storedHooks = z
  .array(
    z.object({ name: z.string(), provider: z.enum(hookProviders), secret: z.string(), path: z.string().optional() }),
  )
  .readonly();

/** Returns the path to which the sender of a webhook sends. */
export const hookPath = (org: string, name: string): string => `/-/hooks/${org}/${name}`;

/** Formats a hook as text, such as "payments stripe STRIPE_SECRET /paid". */
export const formatHook = ({ name, provider, secret, path }: Hook): string =>
  [name, provider, secret, ...(path === undefined ? [] : [path])].join(" ");

/** Form of the text of {@link formatHook}, for messages. */
export const HOOK_FORM =
  'a name, a provider, the name of a secret and perhaps a path, such as "payments stripe STRIPE_SECRET /paid"';

/** Parses the text of {@link formatHook} into its parts, which may be invalid; undefined for another number of parts. */
export function parseHook(text: string): Hook | undefined {
  const [name, provider, secret, path, ...more] = text.trim().split(/\s+/);
  if (name === undefined || provider === undefined || secret === undefined || more.length > 0) return undefined;
  return { name, provider: provider as HookProvider, secret, ...(path === undefined ? {} : { path }) };
}

/** Returns the contradiction between hooks that are valid by themselves, for a message; undefined when there is none. */
export function hooksProblem(hooks: readonly Hook[]): string | undefined {
  const names = hooks.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  return twice === undefined ? undefined : `expected each of "hooks" to have a name of its own, got "${twice}" twice`;
}
