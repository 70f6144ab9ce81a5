import { z } from "zod";
import { sameValue } from "../same-value.ts";
import { subjectPatternSchema } from "./nats-subject.ts";
import { requestPathSchema } from "./request-path-schema.ts";

/** Subjects and streams of NATS whose messages an endpoint gets: `"sources"` in `faas.json`. */

/** Maximum number of sources of an endpoint. */
const SOURCES_MAX = 50;
const NAME = /^[A-Za-z0-9_-]{1,100}$/;
const START = /^(?:new|all|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,3})?Z)$/;

/** Schema of a source: of a subject alone, with core NATS, or of a stream of JetStream. */
export const sourceSchema = z.strictObject({
  subject: subjectPatternSchema
    .optional()
    .describe("Subject, perhaps with * and >. Absent at a stream: the subjects of the organization, ORG.>"),
  stream: z
    .string()
    .regex(NAME, 'expected the name of a stream: letters, digits, "_" and "-"')
    .optional()
    .describe("Stream of JetStream. Absent: messages that are published while the server runs, at most once"),
  queueGroup: z
    .string()
    .regex(NAME, 'expected the name of a queue group: letters, digits, "_" and "-"')
    .optional()
    .describe("Queue group whose subscribers share the messages of a subject. Absent: one of the endpoint's own"),
  startAt: z
    .string()
    .regex(START, "expected new, all or a time such as 2026-11-30T08:00:00Z")
    .refine(
      (text) => text === "new" || text === "all" || !Number.isNaN(Date.parse(text)),
      "expected a time that exists",
    )
    .optional()
    .describe("First message of a stream: new, all or those since a time (default new)"),
  order: z
    .enum(["subject"])
    .optional()
    .describe("subject: messages of a subject are delivered one at a time, in their order. Absent: no order"),
  reply: z
    .enum(["accepted"])
    .optional()
    .describe("accepted: requests on a subject get the id of the call as reply. Absent: no reply"),
  path: requestPathSchema.optional().describe("Path at which the function gets the messages (default /)"),
});
export type Source = z.infer<typeof sourceSchema>;

/** Schema of the sources of an endpoint. */
export const sourcesSchema = z.array(sourceSchema).max(SOURCES_MAX).readonly();

/** Schema of the sources of a revision. */
export const storedSources = z
  .array(
    z.object({
      subject: z.string().optional(),
      stream: z.string().optional(),
      queueGroup: z.string().optional(),
      startAt: z.string().optional(),
      order: z.enum(["subject"]).optional(),
      reply: z.enum(["accepted"]).optional(),
      path: z.string().optional(),
    }),
  )
  .readonly();

const FIELDS = [
  "stream",
  "subject",
  "queueGroup",
  "startAt",
  "order",
  "reply",
  "path",
] as const satisfies (keyof Source)[];

/** Formats a source as text, such as "stream=ORDERS subject=acme.orders.> startAt=all". */
export const formatSource = (source: Source): string =>
  FIELDS.flatMap((name) => (source[name] === undefined ? [] : [`${name}=${source[name]}`])).join(" ");

/** Form of the text of {@link formatSource}, for messages. */
export const SOURCE_FORM =
  'stream=, subject=, queueGroup=, startAt=, order=, reply= and path=, such as "subject=acme.orders.>" or "stream=ORDERS startAt=all"';

/** Parses the text of {@link formatSource} into its parts, which may be invalid; undefined for other names of parts. */
export function parseSource(text: string): Source | undefined {
  const fields: Record<string, string> = {};
  for (const part of text.trim().split(/\s+/)) {
    const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    if (!FIELDS.some((each) => each === name) || Object.hasOwn(fields, name)) return undefined;
    fields[name] = value;
  }
  return fields as Source;
}

/** Returns the fields that make a source the one that it is: others can change while it keeps its position in a stream. */
export const sourceIdentity = ({ stream, subject, queueGroup, startAt = "new" }: Source): Partial<Source> =>
  stream === undefined ? { subject, queueGroup } : { stream, subject, startAt };

/** Returns the contradiction between or in sources that are valid by themselves, for a message; undefined when there is none. */
export function sourcesProblem(sources: readonly Source[]): string | undefined {
  for (const [i, source] of sources.entries()) {
    const { subject, stream, queueGroup, reply, startAt } = source;
    const text = `"${formatSource(source)}"`;
    if (subject === undefined && stream === undefined)
      return `expected each of "sources" to have a "subject" or a "stream", got ${text}`;
    if (stream === undefined && startAt !== undefined)
      return `expected "startAt" only at a source with a "stream", got ${text}`;
    if (stream !== undefined && queueGroup !== undefined)
      return `expected "queueGroup" only at a source without a "stream", got ${text}`;
    if (stream !== undefined && reply !== undefined)
      return `expected "reply" only at a source without a "stream", got ${text}`;
    const same = sources.findIndex((other) => sameValue(sourceIdentity(other), sourceIdentity(source)));
    if (same < i) return `expected each of "sources" once, got ${text} twice`;
  }
  return undefined;
}
