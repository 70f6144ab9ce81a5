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
import { type EndpointRegistry, type ServedEndpoint, SLICE_MS } from "@faas/gateway";
import type { Context } from "koa";
import type { GatewaySessions } from "../../gateways/session-info.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { Store } from "../../state/store.ts";
import { endpointsOf, requireEndpoint } from "../lookup.ts";
import type { Permissions } from "../permissions.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { variantsOf } from "../views/endpoint.ts";

const DEFAULT_SINCE = "1h";

export interface StatsRoutesDeps {
  readonly store: Pick<Store, "org" | "orgs" | "endpoint" | "endpoints">;
  readonly endpoints: Pick<EndpointRegistry, "get">;
  readonly metrics: Pick<Metrics, "recent">;
  readonly gateways?: Pick<GatewaySessions, "reported"> | undefined;
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
    async handle({ context, permissions }) {
      await deps.gateways?.reported();
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
    async handle({ context, parameters: { org }, permissions }) {
      await deps.gateways?.reported();
      return { status: 200, body: statsOf(endpointsIn(org, deps, permissions), context, deps) };
    },
  });

const getStatsHistory = ({ store, endpoints, metrics, gateways }: StatsRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/endpoints/{endpoint}/stats",
    requires: "read",
    summary: "Counts recent calls of an endpoint in slices of time",
    responses: { 200: json("the figures", statsHistorySchema) },
    async handle({ parameters: ref, permissions }) {
      const record = requireEndpoint(ref, store, permissions);
      await gateways?.reported();
      const all = [endpoints.get(endpointKey(ref)) ?? [], variantsOf(ref, record, endpoints)].flat();
      const nowMs = Date.now();
      const slices = metrics.recent.slices(all, metrics.recent.windowStart(0, nowMs));
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

function statsOf(
  refs: readonly EndpointRef[],
  context: Context,
  { store, endpoints, metrics }: StatsRoutesDeps,
): Stats {
  const { since = DEFAULT_SINCE } = context.query;
  const durationMs = parseDuration(validate(statsSinceSchema, String(since), "the query")) as number;
  const nowMs = Date.now();
  const startMs = metrics.recent.windowStart(nowMs - durationMs, nowMs);
  return {
    since: new Date(startMs).toISOString(),
    endpoints: refs.map((ref) => {
      const served = endpoints.get(endpointKey(ref)) ?? [];
      const record = store.endpoint(ref);
      const variants = record ? variantsOf(ref, record, endpoints) : [];
      const all = [served, variants].flat();
      const of = (each: readonly ServedEndpoint[]) => ({
        ...metrics.recent.summary(each, startMs),
        live: each.reduce((sum, { replicas }) => sum + replicas.length, 0),
      });
      const revisions = variants.length > 0 && all.map((each) => ({ revision: each.spec.revision, ...of([each]) }));
      return { ...ref, ...of(all), ...(revisions && { revisions }) };
    }),
  };
}
