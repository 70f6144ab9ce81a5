import { z } from "zod";
import { scalers } from "../endpoints/settings.ts";
import type { Immutable } from "../immutable.ts";
import { keyScopes } from "../organizations/keys.ts";

/** Response bodies of the control API about the server. */

/** `GET /-/healthz`. */
export const healthSchema = z.object({ status: z.literal("ok") }).meta({ id: "Health" });

/** `GET /-/readyz`. */
export const readinessSchema = z.object({ status: z.literal("ready") }).meta({ id: "Readiness" });

const registrySchema = z
  .object({
    push: z.string().describe("As the computers that deploy reach it"),
    pull: z.string().describe("As the nodes of the cluster reach it"),
  })
  .meta({ id: "Registry", description: "One registry by its two addresses, which may differ: host[:port][/path]" });
export type Registry = Immutable<z.infer<typeof registrySchema>>;

/** `GET /-/config`. */
export const serverConfigSchema = z
  .object({
    version: z.string(),
    platform: z.string(),
    accepts: z.enum(["bundle", "image"]),
    scalers: z.array(z.enum(scalers)),
    registry: registrySchema
      .optional()
      .describe("Registry that images are pushed to and pulled from. Absent: the platform runs no images"),
    bundleLimitBytes: z.int().describe("The largest bundle"),
    baseRegistry: z
      .string()
      .optional()
      .describe("Registry with copies of Docker Hub's official images, host[:port][/path]. Absent: Docker Hub"),
    platforms: z
      .array(z.string())
      .optional()
      .describe("Platforms of the nodes, such as linux/amd64. Absent: the server does not store those of images"),
    warmImages: z.literal(true).optional().describe("Images may have a warm part. Absent: the server rejects it"),
    deploymentSources: z
      .literal(true)
      .optional()
      .describe("Deployments may say where they come from. Absent: the server rejects it"),
    isolation: z
      .string()
      .optional()
      .describe(
        'How functions are isolated from the files and processes of the server, or "none: " and the reason. Absent: they run elsewhere',
      ),
  })
  .meta({ id: "ServerConfig", description: "What clients need to know about the server" });
export type ServerConfig = Immutable<z.infer<typeof serverConfigSchema>>;

const gatewayInfoSchema = z
  .object({
    name: z.string(),
    version: z.string().describe("Version of its program"),
    pid: z.int().describe("Id of its process"),
    peerAddress: z.string().optional().describe("Address for other gateways"),
    state: z
      .enum(["linked", "draining", "lost"])
      .describe("draining: it is about to end; lost: its link broke, and it may still serve calls"),
    viewAgeMs: z.number().describe("Age of the oldest change that it has not confirmed; 0 if its view is current"),
    inFlight: z.int().describe("Calls that replicas are processing, as of its last report"),
    waiting: z.int().describe("Calls that wait for a replica, as of its last report"),
  })
  .meta({ id: "GatewayInfo", description: "A gateway in a process of its own" });
export type GatewayInfo = Immutable<z.infer<typeof gatewayInfoSchema>>;

/** `GET /-/status`. */
export const serverStatusSchema = z
  .object({
    version: z.string().describe("Version of the control server"),
    platform: z.string(),
    upSeconds: z.number().describe("Time since the control server started"),
    gateways: z
      .array(gatewayInfoSchema)
      .describe("Gateways in processes of their own; none: the control server is the gateway"),
  })
  .meta({ id: "ServerStatus", description: "State of the control server and of the gateways that it knows" });
export type ServerStatus = Immutable<z.infer<typeof serverStatusSchema>>;

/** A line of `GET /-/audit`. */
export const auditEntrySchema = z
  .object({
    time: z.string().describe("RFC 3339, UTC"),
    requestId: z.string(),
    key: z
      .object({ id: z.string(), name: z.string(), scope: z.enum(keyScopes), org: z.string().optional() })
      .optional()
      .describe("Absent: the request had no valid key"),
    action: z.string().describe("Method and route"),
    target: z.string().describe("Object of the action, for instance acme/hello"),
    from: z.string().describe("Address of the client's connection"),
    status: z.int(),
    change: z.looseObject({}).optional().describe("Values before and after, where the target does not show them"),
    code: z.string().optional().describe("Code of the problem"),
    unlisted: z
      .int()
      .optional()
      .describe(
        "Number of requests without a valid key that were rejected since the previous entry and are not listed",
      ),
  })
  .meta({ id: "AuditEntry", description: "A request that changed something or was rejected" });
export type AuditEntry = Immutable<z.infer<typeof auditEntrySchema>>;
