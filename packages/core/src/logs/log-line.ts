import { z } from "zod";
import type { Immutable } from "../immutable.ts";

/** Schema of the facts about one call. */
const accessSchema = z
  .object({
    method: z.string(),
    path: z.string().describe("As the function received it, without the query string"),
    status: z.int().describe("499 if the client disconnected before there was one"),
    durationMs: z.number().describe("From the arrival of the request to the end of the response"),
    cold: z.boolean().describe("True if the call waited for a replica to start"),
    gateway: z.string().optional().describe("Name of the gateway, where gateways are processes of their own"),
  })
  .meta({ id: "Access", description: "One call of an endpoint" });
export type Access = Immutable<z.infer<typeof accessSchema>>;

/** Schema of a line of an endpoint's log. */
export const logLineSchema = z
  .object({
    time: z.string().describe("RFC 3339 with milliseconds, UTC. For a call: when its response ended"),
    replica: z.string().describe("Empty for a call that no replica answered"),
    revision: z.string(),
    stream: z.enum(["stdout", "stderr", "access"]).describe("access: the line of a call, recorded by the gateway"),
    line: z.string(),
    requestId: z.string().optional().describe("Id of the call that the line belongs to, where it is known"),
    access: accessSchema.optional().describe("Present for the line of a call"),
  })
  .meta({ id: "LogLine", description: "A line that a function printed, or the line of a call" });
export type LogLine = Immutable<z.infer<typeof logLineSchema>>;

/** Formats the line of a call: `GET /items 200 3.2 ms 0b9c…`. */
export function formatAccess({ method, path, status, durationMs, cold }: Access, requestId: string): string {
  return `${method} ${path} ${status} ${durationMs} ms ${requestId}${cold ? " cold start" : ""}`;
}
