import { eventsAcceptedSchema } from "@faas/core";
import type { Store } from "../../../state/store.ts";
import type { EventService } from "../../../triggers/events/event-service.ts";
import { readRawBody, unreadBody } from "../../drain-body.ts";
import { requireOrg } from "../../lookup.ts";
import { defineRoute, json, type Route, stateOf } from "../../route.ts";

export interface CloudEventRoutesDeps {
  readonly store: Pick<Store, "org" | "orgs">;
  readonly cloudEvents: EventService;
}

/** Largest request with events. */
const MAX_BYTES = 6 * 2 ** 20;

/** Creates the route for CloudEvents. */
export const cloudEventRoutes = ({ store, cloudEvents }: CloudEventRoutesDeps): Route[] => [
  defineRoute({
    method: "post",
    path: "/-/orgs/{org}/events",
    requires: "invoke",
    summary:
      "Accepts CloudEvents in binary, structured or batched mode, and delivers each to the endpoints with a subscription that matches, as asynchronous calls",
    requestBody: unreadBody("*/*"),
    responses: {
      202: json("the calls that deliver the events; none if no subscription matches", eventsAcceptedSchema),
    },
    async handle({ context, parameters: { org }, permissions }) {
      requireOrg(org, store, permissions);
      const { headers, rawHeaders } = context.req;
      const body = await readRawBody(context, MAX_BYTES);
      const accepted = await cloudEvents.publish(org, { headers, rawHeaders, body }, stateOf(context).requestId);
      return { status: 202, body: accepted };
    },
  }),
];
