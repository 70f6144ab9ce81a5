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
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({ path: issue.path.join("."), message: describe(issue) }));
  const detail = issues.map(({ path, message }) => (path ? `"${path}": ${message}` : message)).join("; ");
  throw new FaasError(code, `In ${what}: ${detail}`, { extensions: { issues } });
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys")
    return `unknown ${issue.keys.length > 1 ? "fields" : "field"} ${issue.keys.map((key) => `"${key}"`).join(", ")}`;
  // Of a record's key: why it is wrong is one level deeper.
  const { message } = (issue.code === "invalid_key" && issue.issues[0]) || issue;
  return message.replace(/^Invalid input: /, "");
}
