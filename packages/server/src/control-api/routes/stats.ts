import {
  type EndpointRef,
  endpointKey,
  parseDuration,
  type Stats,
  statsHistorySchema,
  statsSchema,
  statsSinceSchema,
  validate,
} from "@faas/core";
import { type EndpointRegistry, SLICE_MS } from "@faas/gateway";
import type { Context } from "koa";
import type { Metrics } from "../../metrics/metrics.ts";
import type { Store } from "../../state/store.ts";
import { endpointsOf, requireEndpoint } from "../lookup.ts";
import type { Permissions } from "../permissions.ts";
import { defineRoute, json, type Route } from "../route.ts";

const DEFAULT_SINCE = "1h";

export interface StatsRoutesDeps {
  readonly store: Pick<Store, "org" | "orgs" | "endpoint" | "endpoints">;
  readonly endpoints: Pick<EndpointRegistry, "get">;
  readonly metrics: Pick<Metrics, "recent">;
}

/** Creates the routes about recent calls. */
export const statsRoutes = (deps: StatsRoutesDeps): Route[] => [
  getStats(deps),
  getOrgStats(deps),
  getStatsHistory(deps),
];

const query = { since: statsSinceSchema.describe(`a duration before now, at most 1h; without it ${DEFAULT_SINCE}`) };
const responses = { 200: json("the figures", statsSchema) };

const getStats = (deps: StatsRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/stats",
    requires: "read",
    summary: "Counts recent calls of all endpoints that the key can see",
    ...{ query, responses },
    handle({ context, permissions }) {
      const refs = permissions.org === undefined ? allEndpoints(deps) : endpointsIn(permissions.org, deps, permissions);
      return { status: 200, body: statsOf(refs, context, deps) };
    },
  });

const getOrgStats = (deps: StatsRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/stats",
    requires: "read",
    summary: "Counts recent calls of an organization's endpoints",
    ...{ query, responses },
    handle({ context, parameters: { org }, permissions }) {
      return { status: 200, body: statsOf(endpointsIn(org, deps, permissions), context, deps) };
    },
  });

const getStatsHistory = ({ store, endpoints, metrics }: StatsRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/endpoints/{endpoint}/stats",
    requires: "read",
    summary: "Counts recent calls of an endpoint in slices of time",
    responses: { 200: json("the figures", statsHistorySchema) },
    handle({ parameters: ref, permissions }) {
      requireEndpoint(ref, store, permissions);
      const nowMs = Date.now();
      const slices = metrics.recent.slices(endpoints.get(endpointKey(ref)), metrics.recent.windowStart(0, nowMs));
      return {
        status: 200,
        body: {
          sliceSeconds: SLICE_MS / 1000,
          slices: slices.map(({ startMs, ...summary }) => ({ start: new Date(startMs).toISOString(), ...summary })),
        },
      };
    },
  });

const allEndpoints = ({ store }: StatsRoutesDeps) => Array.from(store.endpoints(), ([ref]) => ref);

const endpointsIn = (org: string, { store }: StatsRoutesDeps, permissions: Permissions) =>
  Array.from(endpointsOf(org, store, permissions), ([ref]) => ref);

function statsOf(refs: readonly EndpointRef[], context: Context, { endpoints, metrics }: StatsRoutesDeps): Stats {
  const { since = DEFAULT_SINCE } = context.query;
  const durationMs = parseDuration(validate(statsSinceSchema, String(since), "the query")) as number;
  const nowMs = Date.now();
  const startMs = metrics.recent.windowStart(nowMs - durationMs, nowMs);
  return {
    since: new Date(startMs).toISOString(),
    endpoints: refs.map(({ org, endpoint }) => {
      const served = endpoints.get(endpointKey({ org, endpoint }));
      return { org, endpoint, ...metrics.recent.summary(served, startMs), live: served?.replicas.length ?? 0 };
    }),
  };
}
