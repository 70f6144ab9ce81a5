import { z } from "zod";
import type { Immutable } from "../immutable.ts";

/** Types of events, with what they report. `docs/events.md` describes their data. */
export const eventTypes = {
  "faas.deployment.started": "A revision is being deployed",
  "faas.deployment.failed": "A revision did not become ready; the previous one, if there is one, keeps serving",
  "faas.endpoint.deployed": "A revision serves",
  "faas.endpoint.canary.started": "A new revision is about to get a share of the calls",
  "faas.endpoint.canary.advanced": "The new revision gets a larger share of the calls",
  "faas.endpoint.canary.promoted": "The canary succeeded: the new revision serves",
  "faas.endpoint.canary.ended": "The canary went back to the old revision, or was replaced",
  "faas.endpoint.scaled": "The desired number of replicas has changed",
  "faas.endpoint.removed": "An endpoint was removed",
  "faas.replica.ready": "A replica accepts calls",
  "faas.replica.failed": "A replica exited or did not start",
  "faas.replica.stopped": "A replica was stopped",
  "faas.call.failed": "An asynchronous call has failed after its last attempt",
  "faas.org.created": "An organization was created",
  "faas.org.updated": "Limits or secrets of an organization were changed",
  "faas.org.removed": "An organization was removed",
  "faas.key.created": "A key was created",
  "faas.key.revoked": "A key was revoked",
  "faas.server.started": "The server started: events of the time before are not kept",
  "faas.events.gap": "Events after the requested one are no longer kept: state has to be read again",
  "faas.stats": "Calls of the last second, and replicas; sent on request, without an id to resume from",
} as const;
export type EventType = keyof typeof eventTypes;

/** An event of `GET /-/events`: CloudEvents 1.0 in JSON. Servers may send further types. */
export const cloudEventSchema = z
  .object({
    specversion: z.literal("1.0"),
    id: z.string().describe("Grows with time; a later request continues after it"),
    source: z.string().describe("Path of the stream, relative to the server's URL"),
    type: z.string(),
    time: z.string().describe("RFC 3339, UTC"),
    subject: z.string().optional().describe("Object of the event: org/endpoint, org, or the id of a key"),
    datacontenttype: z.literal("application/json"),
    data: z.looseObject({}).describe("Facts that belong to the type"),
  })
  .meta({ id: "CloudEvent", description: "An event in the JSON format of CloudEvents 1.0" });
export type CloudEvent = Immutable<z.infer<typeof cloudEventSchema>>;

/** List of event types, in which `*` stands for the rest of a type: `faas.endpoint.*,faas.deployment.failed`. */
export const eventTypeListSchema = z
  .string()
  .regex(/^faas\.[a-z.]+\*?(?:,faas\.[a-z.]+\*?)*$/)
  .meta({ description: "A list of event types; * at the end of one stands for any rest" });

/** Returns a function that checks if a type is in a list; `undefined` for a list with an entry that no type matches. */
export function eventTypeMatcher(list: string): ((type: string) => boolean) | undefined {
  const entries = list.split(",");
  const matches = (entry: string, type: string) =>
    entry.endsWith("*") ? type.startsWith(entry.slice(0, -1)) : entry === type;
  const isKnown = (entry: string) => Object.keys(eventTypes).some((type) => matches(entry, type));
  return entries.every(isKnown) ? (type) => entries.some((entry) => matches(entry, type)) : undefined;
}

/** Data of `faas.stats` for one endpoint. */
export const liveStatsSchema = z
  .object({
    org: z.string(),
    endpoint: z.string(),
    requests: z.int().describe("Calls that ended in the second"),
    errors: z.int().describe("Calls with a status of 500 or higher"),
    coldStarts: z.int(),
    p50Ms: z.number().optional().describe("Median duration; absent without calls"),
    p95Ms: z.number().optional(),
    p99Ms: z.number().optional(),
    ready: z.int().describe("Replicas that are ready"),
    desired: z.int(),
    inFlight: z.int(),
    waiting: z.int().describe("Calls that wait for a replica"),
  })
  .meta({ id: "LiveStats" });
export type LiveStats = Immutable<z.infer<typeof liveStatsSchema>>;
