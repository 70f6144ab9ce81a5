import { logLevelSchema, logLineSchema, sinceSchema, statusListSchema, tailSchema } from "@faas/core";
import { z } from "zod";
import type { GatewaySessions } from "../../gateways/session-info.ts";
import type { Store } from "../../state/store.ts";
import { type LogStreamDeps, streamLogs } from "../log-stream.ts";
import { requireEndpoint } from "../lookup.ts";
import { defineRoute, jsonLines, type Route } from "../route.ts";

export interface LogRoutesDeps extends LogStreamDeps {
  readonly store: Pick<Store, "org" | "orgs" | "endpoint">;
  readonly gateways?: Pick<GatewaySessions, "reported"> | undefined;
}

/** Creates the routes about logs. */
export const logRoutes = (deps: LogRoutesDeps): Route[] => [getLogs(deps)];

const getLogs = ({ store, logs, ending, gateways }: LogRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/endpoints/{endpoint}/logs",
    requires: "read",
    summary: "Shows what the function printed, and its calls: one JSON object per line",
    query: {
      follow: z.string().describe("true: continues with new lines until the client disconnects"),
      tail: tailSchema.describe("the largest number of past lines"),
      since: sinceSchema.describe("a duration before now, or a time (RFC 3339)"),
      replica: z.string().describe("only the lines of this replica"),
      access: z.string().describe("true: includes a line for each call"),
      grep: z.string().describe("only lines that contain this text, in upper or lower case"),
      status: statusListSchema.describe("only calls with these statuses, for instance 404 or 4xx,503"),
      requestId: z.string().describe("only lines of the call with this id"),
      level: logLevelSchema.describe("only lines of at least this level"),
    },
    responses: { 200: jsonLines("the lines, oldest first", logLineSchema) },
    async handle({ context, parameters: ref, permissions }) {
      requireEndpoint(ref, store, permissions);
      await gateways?.reported();
      return { status: 200, body: streamLogs(context, ref, permissions.signal, { logs, ending }) };
    },
  });
