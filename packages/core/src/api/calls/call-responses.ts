import { z } from "zod";
import type { Immutable } from "../../immutable.ts";

/** Response bodies of the control API about single calls. */

/** Lists of calls that the server keeps in memory. */
export const callLists = ["last", "slowest", "failed"] as const;
export type CallList = (typeof callLists)[number];

const callStageSchema = z
  .object({
    name: z
      .string()
      .describe(
        '"cold start", "queue", "lost attempts", "function", "response body", or a stage of a replica\'s start',
      ),
    startMs: z.number().describe("Milliseconds since the arrival of the call"),
    durationMs: z.number(),
    of: z.string().optional().describe("The stage that it is a part of"),
  })
  .meta({ id: "CallStage", description: "A part of the time that a call took" });
export type CallStage = Immutable<z.infer<typeof callStageSchema>>;

const callSchema = z
  .object({
    org: z.string(),
    endpoint: z.string(),
    requestId: z.string(),
    traceId: z.string().optional().describe("Absent: its trace was not recorded"),
    arrived: z.string().describe("RFC 3339 with milliseconds, UTC"),
    method: z.string(),
    path: z.string().describe("As the function received it, without the query string"),
    status: z.int().describe("499 if the client disconnected before there was one"),
    durationMs: z.number().describe("From the arrival of the request to the end of the response"),
    cold: z.boolean().describe("True if the call waited for a replica to start"),
    replica: z.string().describe("Empty for a call that no replica answered"),
    revision: z.string(),
    gateway: z.string().optional().describe("Name of the gateway, where gateways are processes of their own"),
    stages: z.array(callStageSchema).describe("In the order of their begin"),
  })
  .meta({ id: "Call", description: "A call that ended recently" });
export type Call = Immutable<z.infer<typeof callSchema>>;

/** `GET /-/calls`. */
export const callsSchema = z
  .object({ calls: z.array(callSchema).describe("The newest first; of the slowest, the slowest first") })
  .meta({ id: "Calls", description: "Recent calls, from the server's memory" });
export type Calls = Immutable<z.infer<typeof callsSchema>>;
