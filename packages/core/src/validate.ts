import type { z } from "zod";
import { type ErrorCode, FaasError } from "./errors.ts";

/**
 * Parses what came from outside, or throws a FaasError that names each field that is wrong.
 * `what` is the thing in words, for instance "the request body".
 */
export function validate<T extends z.ZodType>(
  schema: T,
  value: unknown,
  what: string,
  code: ErrorCode = "INVALID_REQUEST",
): z.output<T> {
  const result = schema.safeParse(value, { error: expectedAndGot });
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({ path: issue.path.join("."), message: describe(issue) }));
  const detail = issues.map(({ path, message }) => (path ? `"${path}": ${message}` : message)).join("; ");
  throw new FaasError(code, `In ${what}: ${detail}`, { extensions: { issues } });
}

/** An error map of zod: what was expected, and what came. Where it says nothing, zod or the schema does. */
export function expectedAndGot(issue: z.core.$ZodRawIssue): string | undefined {
  const got = issue.input === undefined ? "nothing" : shortened(JSON.stringify(issue.input));
  const isNumber = issue.code === "too_small" || issue.code === "too_big" ? issue.origin in NUMBERS : false;
  if (issue.code === "too_small" && isNumber) return `expected ${issue.minimum} or more, got ${got}`;
  if (issue.code === "too_big" && isNumber) return `expected ${issue.maximum} or less, got ${got}`;
  if (issue.code === "invalid_type") return `expected ${TYPES[issue.expected] ?? issue.expected}, got ${got}`;
  if (issue.code === "invalid_value") {
    const values = issue.values.map((value) => JSON.stringify(value)).join(", ");
    return `expected ${issue.values.length > 1 ? `one of ${values}` : values}, got ${got}`;
  }
  return undefined;
}

const NUMBERS = { number: true, int: true, bigint: true };
const TYPES: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "text",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
};
const SHOWN = 100;
const shortened = (text: string) => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys")
    return `unknown ${issue.keys.length > 1 ? "fields" : "field"} ${issue.keys.map((key) => `"${key}"`).join(", ")}`;
  // Of a record's key: why it is wrong is one level deeper.
  const { message } = (issue.code === "invalid_key" && issue.issues[0]) || issue;
  return message.replace(/^Invalid input: /, "");
}
