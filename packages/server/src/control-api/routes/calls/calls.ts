import { type Call, callLists, callsSchema, type EndpointSpec, validate } from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";
import { z } from "zod";
import type { GatewaySessions } from "../../../gateways/session-info.ts";
import type { RecentCalls } from "../../../traces/recent-calls.ts";
import { defineRoute, json, type Route } from "../../route.ts";
import { viewCall } from "../../views/call.ts";

export interface CallRoutesDeps {
  readonly endpoints: Pick<EndpointRegistry<EndpointSpec>, "get">;
  readonly recentCalls: Pick<RecentCalls, "find" | "list">;
  readonly gateways?: Pick<GatewaySessions, "reported"> | undefined;
}

const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 50;

const listSchema = z.enum(callLists);
const limitSchema = z.coerce.number().int().min(1).max(MAX_LIMIT);

/** Creates the routes about single calls. */
export const callRoutes = (deps: CallRoutesDeps): Route[] => [listCalls(deps)];

const listCalls = ({ endpoints, recentCalls, gateways }: CallRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/calls",
    requires: "read",
    summary: "Shows recent calls with the stages of their way, from the server's memory",
    query: {
      requestId: z.string().describe("only calls with this request id"),
      list: listSchema.describe("last (the default), slowest (of the last hour) or failed (a status of 500 or higher)"),
      org: z.string().describe("only calls of this organization"),
      endpoint: z.string().describe("only calls of the endpoint with this name"),
      limit: limitSchema.describe(`the largest number of calls; without it ${DEFAULT_LIMIT}`),
    },
    responses: { 200: json("the calls", callsSchema) },
    async handle({ context, permissions }) {
      await gateways?.reported();
      const { requestId, list = "last", org, endpoint, limit = DEFAULT_LIMIT } = context.query;
      const most = validate(limitSchema, limit, "the query");
      const chosen = validate(listSchema, list, "the query");
      const start = org === undefined ? "" : endpoint === undefined ? `${org}/` : `${org}/${endpoint}\t`;
      const lines = typeof requestId === "string" ? recentCalls.find(requestId) : recentCalls.list(chosen, start);
      const calls: Call[] = [];
      for (const line of lines) {
        if (!line.startsWith(start)) continue;
        const call = viewCall(line, endpoints);
        if (call === undefined || !permissions.canSee(call.org)) continue;
        if (endpoint !== undefined && call.endpoint !== endpoint) continue;
        calls.push(call);
        if (calls.length === most) break;
      }
      return { status: 200, body: { calls } };
    },
  });
