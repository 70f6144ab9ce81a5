import { Readable } from "node:stream";
import {
  auditEntrySchema,
  FaasError,
  healthSchema,
  type Platform,
  problemSchema,
  readinessSchema,
  type ServerConfig,
  serverConfigSchema,
  serverStatusSchema,
  tailSchema,
  validate,
  whoamiSchema,
} from "@faas/core";
import { acceptsOpenMetrics, OPEN_METRICS_TYPE, toOpenMetrics } from "@faas/gateway";
import { z } from "zod";
import type { AuditLog } from "../../audit/audit-log.ts";
import { viewOf } from "../../auth/key-service.ts";
import type { GatewaySessions } from "../../gateways/session-info.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import { defineRoute, json, jsonLines, type Route } from "../route.ts";
import { metricsOf } from "../views/metrics.ts";

export interface ServerRoutesDeps {
  readonly platform: Pick<Platform, "notReady" | "isolation" | "imagePlatforms">;
  readonly config: ServerConfig;
  readonly isAuth: boolean;
  readonly stopping: () => boolean;
  readonly metrics: Pick<Metrics, "text" | "contentType">;
  readonly openapi: () => object;
  readonly audit: Pick<AuditLog, "read" | "readNewest">;
  /** Gateways in processes of their own; absent: there are none. */
  readonly gateways?: Pick<GatewaySessions, "list"> | undefined;
}

/** Creates the routes about the server as a whole. */
export const serverRoutes = (deps: ServerRoutesDeps): Route[] => [
  getHealth(),
  getReadiness(deps),
  getConfig(deps),
  getStatus(deps),
  getMetrics(deps),
  getOpenApi(deps),
  getWhoami(),
  getAudit(deps),
];

const getHealth = () =>
  defineRoute({
    method: "get",
    path: "/-/healthz",
    requires: "open",
    summary: "Checks that the server's process is alive",
    responses: { 200: json("it is", healthSchema) },
    handle: () => ({ status: 200, body: { status: "ok" } }),
  });

const getReadiness = ({ stopping, platform, isAuth }: Pick<ServerRoutesDeps, "stopping" | "platform" | "isAuth">) =>
  defineRoute({
    method: "get",
    path: "/-/readyz",
    requires: "open",
    summary: "Checks that the server accepts requests",
    responses: {
      200: json("it does", readinessSchema),
      503: {
        description: "it is stopping, or has not reached its cluster yet",
        mediaType: "application/problem+json",
        schema: problemSchema,
      },
    },
    handle() {
      if (stopping()) throw new FaasError("SERVER_STOPPING", "The server is stopping");
      const { notReady } = platform;
      // Where keys are required, callers without one learn nothing about the cluster.
      if (notReady && isAuth)
        throw new FaasError(notReady.code, "The server has not reached its cluster yet; its log has the reason");
      if (notReady) throw notReady;
      return { status: 200, body: { status: "ready" } };
    },
  });

const getConfig = ({ config, platform }: Pick<ServerRoutesDeps, "config" | "platform">) =>
  defineRoute({
    method: "get",
    path: "/-/config",
    requires: "key",
    summary: "Shows what clients need to know about the server",
    responses: { 200: json("version, platform, accepted artifacts, limits", serverConfigSchema) },
    handle: async () => {
      // Read for each request: its text changes when the first endpoint with a server of its own is applied.
      const { isolation } = platform;
      const platforms = await platform.imagePlatforms?.();
      return {
        status: 200,
        body: { ...config, ...(isolation === undefined ? {} : { isolation }), ...(platforms ? { platforms } : {}) },
      };
    },
  });

const getStatus = ({ config, gateways }: Pick<ServerRoutesDeps, "config" | "gateways">) =>
  defineRoute({
    method: "get",
    path: "/-/status",
    requires: "admin",
    summary: "Shows the state of the control server and of each gateway in a process of its own",
    responses: { 200: json("the state", serverStatusSchema) },
    handle: () => ({
      status: 200,
      body: {
        version: config.version,
        platform: config.platform,
        upSeconds: Math.floor(process.uptime()),
        gateways: [...(gateways?.list() ?? [])],
      },
    }),
  });

const getMetrics = ({ metrics }: Pick<ServerRoutesDeps, "metrics">) =>
  defineRoute({
    method: "get",
    path: "/-/metrics",
    requires: "read",
    summary:
      "Shows metrics in Prometheus' text format, or as OpenMetrics with trace ids if the client accepts that; a key of an organization sees those of its organization",
    responses: { 200: { description: "the metrics", mediaType: "text/plain" } },
    async handle({ context, permissions: { org } }) {
      const isOpen = acceptsOpenMetrics(context.get("accept"));
      const all = await metrics.text(isOpen);
      const text = org === undefined ? all : metricsOf(org, all);
      if (isOpen) return { status: 200, body: toOpenMetrics(text), contentType: OPEN_METRICS_TYPE };
      return { status: 200, body: text, contentType: metrics.contentType };
    },
  });

const getOpenApi = ({ openapi }: Pick<ServerRoutesDeps, "openapi">) =>
  defineRoute({
    method: "get",
    path: "/-/openapi.json",
    requires: "key",
    summary: "Shows this API as an OpenAPI 3.1 document",
    responses: { 200: json("the document", z.looseObject({ openapi: z.string() })) },
    handle: () => ({ status: 200, body: openapi() as { openapi: string } }),
  });

const getWhoami = () =>
  defineRoute({
    method: "get",
    path: "/-/whoami",
    requires: "key",
    summary: "Shows the key of the request",
    responses: { 200: json("the key, without its token; or that the server requires no keys", whoamiSchema) },
    handle({ permissions: { key } }) {
      if (key === undefined) return { status: 200, body: { auth: "open" } };
      return { status: 200, body: { auth: "key", ...viewOf(key) } };
    },
  });

const getAudit = ({ audit }: Pick<ServerRoutesDeps, "audit">) =>
  defineRoute({
    method: "get",
    path: "/-/audit",
    requires: "admin",
    summary: "Shows who changed what, and who was rejected: one JSON object per line",
    query: { tail: tailSchema.describe("the largest number of lines, the newest; absent: all") },
    responses: { 200: jsonLines("the lines, oldest first", auditEntrySchema) },
    async handle({ context }) {
      const { tail } = context.query;
      const count = tail === undefined ? undefined : Number(validate(tailSchema, String(tail), "the query"));
      // An empty text would be a response without a body.
      const body = Readable.from(count === undefined ? audit.read() : [await audit.readNewest(count)]);
      return { status: 200, body, contentType: "application/x-ndjson" };
    },
  });
