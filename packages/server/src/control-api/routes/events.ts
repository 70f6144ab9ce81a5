import {
  cloudEventSchema,
  endpointName,
  eventTypeListSchema,
  eventTypeMatcher,
  FaasError,
  orgName,
  validate,
} from "@faas/core";
import type { Context } from "koa";
import { z } from "zod";
import type { EventFilter } from "../../events/event-filter.ts";
import { EventStream } from "../../events/event-stream.ts";
import type { ServerEvents } from "../../events/server-events.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { Store } from "../../state/store.ts";
import { requireOrg } from "../lookup.ts";
import type { Permissions } from "../permissions.ts";
import { defineRoute, eventStream, type Route } from "../route.ts";

export interface EventRoutesDeps {
  readonly store: Pick<Store, "org" | "orgs">;
  readonly events: Pick<ServerEvents, "log">;
  readonly metrics: Pick<Metrics, "live">;
  /** Aborted when responses that would never end have to. */
  readonly ending: AbortSignal;
}

/** Creates the routes about events. */
export const eventRoutes = (deps: EventRoutesDeps): Route[] => [getEvents(deps)];

const query = {
  org: orgName.describe("only events of this organization"),
  endpoint: endpointName.describe("only events of this endpoint; with org"),
  type: eventTypeListSchema.describe("only events of these types, for instance faas.endpoint.*,faas.replica.failed"),
  after: z
    .string()
    .describe(
      "id of an event: only later ones, as with the header Last-Event-ID; 0: all that are kept; absent: new ones",
    ),
  follow: z.string().describe("false: the response ends after the events that are kept"),
  stats: z
    .string()
    .describe("true: includes the calls and replicas of the last second (faas.stats), where they changed"),
};

const getEvents = ({ store, events, metrics, ending }: EventRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/events",
    requires: "read",
    summary: "Streams events as they happen: server-sent events with CloudEvents in JSON",
    query,
    responses: { 200: eventStream("the events that the key can see, oldest first", cloudEventSchema) },
    handle({ context, permissions }) {
      const { log } = events;
      const filter = filterOf(context, store, permissions);
      const { after, follow, stats } = context.query;
      const lastId = context.get("Last-Event-ID") || (after === undefined ? undefined : String(after));
      const isFollowing = follow !== "false";
      const disconnected = new AbortController();
      context.res.once("close", () => disconnected.abort());
      const revoked = permissions.signal ? [permissions.signal] : [];
      const body = new EventStream({
        ...{ log, filter, isFollowing, start: log.positionAfter(lastId) },
        statistics: stats === "true" ? metrics.live : undefined,
        signal: AbortSignal.any([disconnected.signal, ending, ...revoked]),
      });
      context.set("Cache-Control", "no-store");
      // Proxies must pass events on as they come.
      context.set("X-Accel-Buffering", "no");
      if (isFollowing) sendHead(context);
      return { status: 200, body, contentType: "text/event-stream" };
    },
  });

/** Sends the header before the first event, which may be long in coming. */
function sendHead(context: Context): void {
  context.status = 200;
  context.type = "text/event-stream";
  context.flushHeaders();
}

/**
 * @throws ORG_NOT_FOUND
 * @throws INVALID_REQUEST
 */
function filterOf({ query }: Context, store: EventRoutesDeps["store"], permissions: Permissions): EventFilter {
  const text = (value: string | string[] | undefined) => (value === undefined ? undefined : String(value));
  const [org, endpoint, type] = [text(query.org), text(query.endpoint), text(query.type)];
  if (org !== undefined) {
    permissions.require(org, "read");
    requireOrg(org, store, permissions);
  } else if (endpoint !== undefined)
    throw new FaasError("INVALID_REQUEST", 'In the query: expected "org" beside "endpoint"');
  const hasType = type === undefined ? undefined : eventTypeMatcher(validate(eventTypeListSchema, type, "the query"));
  if (type !== undefined && hasType === undefined)
    throw new FaasError(
      "INVALID_REQUEST",
      `In the query: no event has a type of "${type}" (docs/events.md lists them)`,
    );
  const isAdmin = permissions.key === undefined || permissions.key.record.scope === "admin";
  return { org: org ?? permissions.org, endpoint, isAdmin, hasType };
}
