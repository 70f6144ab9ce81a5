import { z } from "zod";
import { canaryViewSchema } from "../endpoints/canary.ts";
import { warmImageSchema } from "../endpoints/endpoint.ts";
import { replicaFailureSchema, startStageSchema } from "../endpoints/platform.ts";
import { revisionOriginSchema } from "../endpoints/revision-origin.ts";
import { egresses, settingsSchema, visibilities } from "../endpoints/settings.ts";
import { settingChangeSchema } from "../endpoints/settings-change.ts";
import { trafficViewSchema } from "../endpoints/traffic.ts";
import type { Immutable } from "../immutable.ts";
import { schedulesSchema } from "../schedules/schedule-settings.ts";
import { followViewSchema } from "./image-follow.ts";

/** Response bodies of the control API about endpoints. Servers may add fields: clients ignore those that they do not know. */

const replicaViewSchema = z
  .object({
    id: z.string(),
    ready: z.boolean(),
    revision: z.string(),
    inFlight: z.int().describe("Requests that it is processing"),
    cpuMillis: z.number().optional().describe("Its current CPU limit, where the platform enforces one"),
    memoryBytes: z.int().optional().describe("Its resident memory, where the platform measures it"),
    start: z.array(startStageSchema).optional().describe("How its start went, as far as it was observed"),
  })
  .meta({ id: "Replica" });
export type ReplicaView = Immutable<z.infer<typeof replicaViewSchema>>;

const sourceViewSchema = z
  .object({
    source: z.string().describe("Text of the setting, such as stream=ORDERS startAt=all"),
    active: z.boolean().describe("True while messages are received"),
    consumer: z.string().optional().describe("Name of its durable consumer, for a stream"),
    problem: z
      .string()
      .optional()
      .describe("Why it is inactive, or why the last message was delayed or rejected. Absent: all is well"),
  })
  .meta({ id: "SourceState" });
export type SourceView = Immutable<z.infer<typeof sourceViewSchema>>;

const endpointPhases = ["deploying", "starting", "ready", "idle", "failed"] as const;
export type EndpointPhase = (typeof endpointPhases)[number];

export const endpointViewSchema = z
  .object({
    org: z.string(),
    endpoint: z.string(),
    url: z.string().describe("Absolute URL that calls are sent to"),
    phase: z
      .enum(endpointPhases)
      .describe(
        "deploying: the newest revision has not been ready yet. starting: replicas are requested, none is ready. ready: at least one replica is. idle: no replicas until the next request. failed: nothing can serve, and failure has the reason",
      ),
    revision: z.string().describe("The revision that serves, or that is being deployed when there is no other"),
    origin: revisionOriginSchema
      .optional()
      .describe("Provenance of that revision. Absent: an older release of the server deployed it"),
    deploying: z.string().optional().describe("The revision that is about to replace it"),
    image: z.string().describe("bundle@sha256:… or the reference of an image"),
    warm: z
      .object(warmImageSchema.shape)
      .optional()
      .describe("Warm part of the image. Absent: replicas start from the image alone"),
    settings: settingsSchema.meta({ id: "Settings" }),
    createdAt: z.string(),
    updatedAt: z.string(),
    replicas: z
      .array(replicaViewSchema)
      .describe("Replicas of the serving revision, and of others with a share of the calls"),
    otherReplicas: z
      .array(replicaViewSchema)
      .optional()
      .describe("Replicas of revisions without a share: with a tag, of a preview, or kept warm. Absent: none"),
    traffic: trafficViewSchema.optional().describe("Present when more than one revision runs, or has a tag"),
    canary: canaryViewSchema.optional().describe("Present when the last deployment was a canary"),
    follow: followViewSchema.optional().describe("Present when the endpoint follows a tag"),
    sources: z.array(sourceViewSchema).optional().describe("States of its sources. Absent: none"),
    limited: z
      .string()
      .optional()
      .describe("Present when it needs more replicas than the organization's limits allow: the number and the limit"),
    cpuPending: z
      .string()
      .optional()
      .describe("Present when the cluster cannot give its replicas the CPU that load needs: the reason"),
    failure: replicaFailureSchema
      .optional()
      .describe("Why the newest deployment, or the serving revision, does not run"),
    otherFailures: z.array(replicaFailureSchema).optional().describe("Why revisions beside the serving one do not run"),
  })
  .meta({ id: "Endpoint" });
/** An endpoint as the control API shows it. */
export type EndpointView = Immutable<z.infer<typeof endpointViewSchema>>;

/** `GET /-/endpoints` and `GET /-/orgs/<org>/endpoints`. */
export const endpointListSchema = z.object({ endpoints: z.array(endpointViewSchema) }).meta({ id: "EndpointList" });

/** `GET …/endpoints/<endpoint>/replicas`. */
export const replicaListSchema = z.object({ replicas: z.array(replicaViewSchema) }).meta({ id: "ReplicaList" });

/** `PUT …/endpoints/<endpoint>` and `POST /add_endpoint`: 201 when new, 200 when changed or unchanged. */
export const registeredSchema = z
  .object({
    org: z.string(),
    endpoint: z.string(),
    url: z.string().describe("Absolute URL that calls are sent to"),
    revision: z.string().describe("The revision that is deployed or being deployed now"),
    unchanged: z.boolean().describe("True when the same revision was deployed already"),
    // Optional for clients: an older server sends neither.
    created: z.boolean().optional().describe("True when the endpoint is new"),
    changes: z
      .array(settingChangeSchema)
      .optional()
      .describe("Settings that the deployment changes; at a new endpoint, those that differ from the defaults"),
    canary: z.boolean().optional().describe("True when the calls move to the revision in steps"),
  })
  .meta({ id: "Registered" });
export type Registered = Immutable<z.infer<typeof registeredSchema>>;

/** A dry run of `PUT …/endpoints/<endpoint>` or `POST /add_endpoint`. */
export const plannedSchema = z
  .object({
    org: z.string(),
    endpoint: z.string(),
    created: z.boolean().describe("True when there is no such endpoint yet"),
    changes: z.array(settingChangeSchema).describe("Settings that the deployment would change"),
  })
  .meta({ id: "Planned" });
export type Planned = Immutable<z.infer<typeof plannedSchema>>;

/** Response to a registration with status 200. */
export const registrationSchema = z.union([registeredSchema, plannedSchema]).meta({ id: "Registration" });

/** `GET …/endpoints/<endpoint>/settings`. */
export const settingsViewSchema = z
  .object({
    revision: z.string().describe("The newest revision: the one that is being deployed, or else the one that serves"),
    settings: settingsSchema,
    set: settingsSchema
      .extend({ egress: z.enum(egresses), visibility: z.enum(visibilities), schedules: schedulesSchema })
      .partial()
      .describe(
        "The settings that deployments have named: the next one keeps them. The others have defaults, or were detected in the code",
      ),
  })
  .meta({ id: "SettingsView" });
export type SettingsView = Immutable<z.infer<typeof settingsViewSchema>>;

/** `PUT /-/bundles/<digest>`. */
export const storedBundleSchema = z.object({ digest: z.string() }).meta({ id: "StoredBundle" });

const callCounts = {
  requests: z.int().describe("Calls"),
  errors: z.int().describe("Calls with a status of 500 or higher"),
  coldStarts: z.int().describe("Calls that waited for a replica to start"),
  p50Ms: z
    .number()
    .optional()
    .describe("Median duration, from the arrival to the end of the response; absent without calls"),
  p95Ms: z.number().optional().describe("Duration that 95 % of the calls do not exceed; absent without calls"),
  p99Ms: z.number().optional().describe("Duration that 99 % of the calls do not exceed; absent without calls"),
};

const endpointStatsSchema = z
  .object({
    org: z.string(),
    endpoint: z.string(),
    ...callCounts,
    live: z.int().describe("Replicas that are ready now"),
    revisions: z
      .array(z.object({ revision: z.string(), ...callCounts, live: z.int() }))
      .optional()
      .describe("Present when more than one revision runs: the figures of each, which are included in the others"),
  })
  .meta({ id: "EndpointStats" });
export type EndpointStats = Immutable<z.infer<typeof endpointStatsSchema>>;

/** `GET /-/stats` and `GET /-/orgs/<org>/stats`. */
export const statsSchema = z
  .object({
    since: z
      .string()
      .describe(
        "Time since which calls are counted: up to five minutes earlier than requested, or the start of the server",
      ),
    endpoints: z.array(endpointStatsSchema),
  })
  .meta({ id: "Stats", description: "Recent calls of endpoints" });
export type Stats = Immutable<z.infer<typeof statsSchema>>;

/** `GET …/endpoints/<endpoint>/stats`. */
export const statsHistorySchema = z
  .object({
    sliceSeconds: z.int().describe("Duration of a slice"),
    slices: z
      .array(
        z.object({
          start: z.string().describe("RFC 3339, UTC"),
          ...endpointStatsSchema.omit({ org: true, endpoint: true, live: true }).shape,
        }),
      )
      .describe("Slices of time with calls, the oldest first"),
  })
  .meta({ id: "StatsHistory", description: "Calls of an endpoint over the last hour" });
export type StatsHistory = Immutable<z.infer<typeof statsHistorySchema>>;
