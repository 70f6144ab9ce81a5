import { Readable } from "node:stream";
import { FaasError, type Whoami } from "@faas/core";
import { viewOf } from "../../auth/key-service.ts";
import type { Route } from "../route.ts";
import { metricsOf } from "../views/metrics.ts";

/** Routes about the server as a whole. */
export const serverRoutes: readonly Route[] = [
  {
    method: "get",
    path: "/-/healthz",
    access: "open",
    summary: "The server's process lives",
    answers: { 200: "it does" },
    handle(context) {
      context.body = { status: "ok" };
    },
  },
  {
    method: "get",
    path: "/-/readyz",
    access: "open",
    summary: "The server takes requests",
    answers: { 200: "it does", 503: "it is stopping, or has not reached its cluster yet" },
    handle(context, _, deps) {
      if (deps.stopping()) throw new FaasError("SERVER_STOPPING", "The server is stopping");
      const { notReady } = deps.platform;
      // Where keys are required, who has none learns nothing of the cluster.
      if (notReady && deps.isAuth)
        throw new FaasError(notReady.code, "The server has not reached its cluster yet; its log says why");
      if (notReady) throw notReady;
      context.body = { status: "ready" };
    },
  },
  {
    method: "get",
    path: "/-/config",
    access: "key",
    summary: "What a client has to know of the server",
    answers: { 200: "version, platform, what it accepts, limits" },
    handle(context, _, deps) {
      context.body = deps.config;
    },
  },
  {
    method: "get",
    path: "/-/metrics",
    access: "read",
    summary: "Metrics in Prometheus' text format; with a key of an organization, its own",
    answers: { 200: "the metrics" },
    async handle(context, _, deps) {
      const text = await deps.metrics.text();
      const { org } = deps.access;
      context.body = org === undefined ? text : metricsOf(org, text);
      context.type = deps.metrics.contentType;
    },
  },
  {
    method: "get",
    path: "/-/openapi.json",
    access: "key",
    summary: "This API as an OpenAPI 3.1 document",
    answers: { 200: "the document" },
    handle(context, _, deps) {
      context.body = deps.openapi();
    },
  },
  {
    method: "get",
    path: "/-/whoami",
    access: "key",
    summary: "Which key the request has",
    answers: { 200: "the key, without its token; or that the server wants none" },
    handle(context, _, { access: { key } }) {
      context.body = (key ? { auth: "key", ...viewOf(key) } : { auth: "open" }) satisfies Whoami;
    },
  },
  {
    method: "get",
    path: "/-/audit",
    access: "admin",
    summary: "Who changed what, and who was refused: a JSON object a line (application/x-ndjson)",
    answers: { 200: "the lines, oldest first" },
    handle(context, _, { audit }) {
      context.body = Readable.from(audit.read());
      context.type = "application/x-ndjson";
    },
  },
];
