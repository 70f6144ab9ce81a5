import { z } from "zod";
import { requestPathSchema } from "./request-path-schema.ts";

/** Subscriptions of an endpoint to CloudEvents: `"subscriptions"` in `faas.json`. */

/** Maximum number of subscriptions of an endpoint. */
const SUBSCRIPTIONS_MAX = 50;
/** Maximum number of extensions that a subscription names. */
const EXTENSIONS_MAX = 20;

const patternSchema = z
  .string()
  .regex(/^[^\s*]*\*?$/, 'expected a value, or the beginning of values and "*", such as com.example.*')
  .min(1)
  .max(1_024);

/** Schema of the name of an extension attribute (CloudEvents 1.0, "Naming conventions"). */
const extensionName = z
  .string()
  .regex(/^[a-z0-9]+$/, "expected the name of an extension to be lower-case letters and digits");

/** Schema of a subscription. */
export const subscriptionSchema = z.strictObject({
  type: patternSchema.optional().describe("Type of events, or its beginning and *. Absent: any"),
  source: patternSchema.optional().describe("Source of events, or its beginning and *. Absent: any"),
  extensions: z
    .record(extensionName, patternSchema)
    .refine((extensions) => Object.keys(extensions).length <= EXTENSIONS_MAX, "expected at most 20 extensions")
    .optional()
    .describe("Values of extension attributes, or their beginnings and *, by name. An event has to have all of them"),
  path: requestPathSchema.optional().describe("Path at which the function gets the events (default /)"),
});
export type Subscription = z.infer<typeof subscriptionSchema>;

/** Schema of the subscriptions of an endpoint. */
export const subscriptionsSchema = z.array(subscriptionSchema).max(SUBSCRIPTIONS_MAX).readonly();

/** Schema of the subscriptions of a revision. */
export const storedSubscriptions = z
  .array(
    z.object({
      type: z.string().optional(),
      source: z.string().optional(),
      extensions: z.record(z.string(), z.string()).optional(),
      path: z.string().optional(),
    }),
  )
  .readonly();

/** Formats a subscription as text, such as "type=com.example.* extensions.tenant=acme path=/events". */
export function formatSubscription({ type, source, extensions = {}, path }: Subscription): string {
  const named = Object.entries(extensions).map(([name, pattern]) => [`extensions.${name}`, pattern] as const);
  const parts = [["type", type] as const, ["source", source] as const, ...named, ["path", path] as const];
  const present = parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return present.length === 0 ? "type=*" : present.join(" ");
}

/** Form of the text of {@link formatSubscription}, for messages. */
export const SUBSCRIPTION_FORM =
  'type=, source=, extensions.NAME= and path=, such as "type=com.example.* source=/orders/*"';

/** Parses the text of {@link formatSubscription} into its parts, which may be invalid; undefined for other names of parts. */
export function parseSubscription(text: string): Subscription | undefined {
  const fields: Record<string, string> = {};
  const extensions: Record<string, string> = {};
  for (const part of text.trim().split(/\s+/)) {
    const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    const [, extension] = /^extensions\.(.+)$/.exec(name) ?? [];
    if (extension !== undefined) extensions[extension] = value;
    else if (["type", "source", "path"].includes(name)) fields[name] = value;
    else return undefined;
  }
  return Object.keys(extensions).length === 0 ? fields : { ...fields, extensions };
}

/** Returns true if a value is the pattern, or begins with the part before its "*". */
export const matchesPattern = (pattern: string, value: string): boolean =>
  pattern.endsWith("*") ? value.startsWith(pattern.slice(0, -1)) : value === pattern;
