import { z } from "zod";

/** Subjects of NATS, and patterns of them: tokens with dots between them, where `*` is any token and `>` at the end is one or more. */

/** First token of the subjects of the queue's own stream. */
export const QUEUE_SUBJECT = "faas-queue";

const MAX_LENGTH = 500;
/** Visible ASCII characters without `.`, `*` and `>`. */
const TOKEN = "[!-)+--/-=?-~]+";
const PART = String.raw`(?:\*|${TOKEN})`;
const PATTERN = String.raw`^(?:${PART}(?:\.${PART})*(?:\.>)?|>)$`;

/** Schema of a pattern of subjects. */
export const subjectPatternSchema = z
  .string()
  .max(MAX_LENGTH)
  .regex(
    new RegExp(PATTERN),
    'expected a NATS subject, such as acme.orders.created, acme.orders.* or acme.>, with ">" only at its end',
  );

/** Returns true if every subject that the second pattern matches also matches the first one. */
export function coversSubject(outer: string, inner: string): boolean {
  const [given, wanted] = [outer.split("."), inner.split(".")];
  for (const [i, token] of given.entries()) {
    if (i === wanted.length) return false;
    if (token === ">") return true;
    if (wanted[i] === ">" || (token !== "*" && token !== wanted[i])) return false;
  }
  return given.length === wanted.length;
}

/** Returns true if a pattern can match subjects of NATS itself, which begin with `$` or `_`, or of the queue. */
export const isReservedSubject = (pattern: string): boolean =>
  /^[*>$_]/.test(pattern) || pattern.split(".")[0] === QUEUE_SUBJECT;

/** Returns the pattern of the subjects that an organization may always use. */
export const subjectsOfOrg = (org: string): string => `${org}.>`;
