import type { z } from "zod";
import { type ErrorCode, FaasError } from "./errors.ts";

/**
 * Parses input from outside. `what` names it in the message, for example "the request body".
 *
 * @throws `code` (INVALID_REQUEST by default) with each invalid field
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

/** Writes zod's messages as "expected X, got Y"; undefined for issues whose own message is good. */
export function expectedAndGot(issue: z.core.$ZodRawIssue): string | undefined {
  const got = issue.input === undefined ? "nothing" : shortened(JSON.stringify(issue.input));
  const isNumber = issue.code === "too_small" || issue.code === "too_big" ? issue.origin in NUMBERS : false;
  if (issue.code === "too_small" && isNumber) return `expected ${issue.minimum} or more, got ${got}`;
  if (issue.code === "too_big" && isNumber) return `expected ${issue.maximum} or less, got ${got}`;
  if ((issue.code === "too_small" || issue.code === "too_big") && issue.origin in UNITS) return lengthIssue(issue);
  if (issue.code === "invalid_type") return `expected ${TYPES[issue.expected] ?? issue.expected}, got ${got}`;
  if (issue.code === "invalid_value") {
    const values = issue.values.map((value) => JSON.stringify(value)).join(", ");
    return `expected ${issue.values.length > 1 ? `one of ${values}` : values}, got ${got}`;
  }
  return undefined;
}

/** Describes text or a list that is too short or too long. */
function lengthIssue(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig>): string {
  const [limit, bound] = issue.code === "too_small" ? ["at least", issue.minimum] : ["at most", issue.maximum];
  const [one, several] = UNITS[issue.origin as keyof typeof UNITS];
  return `expected ${limit} ${bound} ${bound === 1 ? one : several}, got ${(issue.input as string | unknown[]).length}`;
}

const UNITS = { string: ["character", "characters"], array: ["entry", "entries"] } as const;
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
const MAX_SHOWN = 100;
const shortened = (text: string) => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys")
    return `unknown ${issue.keys.length > 1 ? "fields" : "field"} ${issue.keys.map((key) => `"${key}"`).join(", ")}`;
  // The reason for an invalid key of a record is nested in the issue.
  const { message } = (issue.code === "invalid_key" && issue.issues[0]) || issue;
  return message.replace(/^Invalid input: /, "");
}
