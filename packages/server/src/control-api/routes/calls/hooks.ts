import { hookAcceptedSchema } from "@faas/core";
import { clientAddress } from "../../../audit/client-address.ts";
import type { HookService } from "../../../triggers/hooks/hook-service.ts";
import { readRawBody, unreadBody } from "../../drain-body.ts";
import { defineRoute, json, type Route, stateOf } from "../../route.ts";

export interface HookRoutesDeps {
  readonly hooks: HookService;
}

/** Creates the route for webhooks. */
export const hookRoutes = ({ hooks }: HookRoutesDeps): Route[] => [
  defineRoute({
    method: "post",
    path: "/-/hooks/{org}/{hook}",
    // The signature proves the sender.
    requires: "open",
    summary: "Receives a webhook of another service: verifies its signature, and delivers it as an asynchronous call",
    requestBody: unreadBody("application/octet-stream"),
    responses: {
      200: { description: "the reply that the service expects of a receiver", mediaType: "text/plain" },
      202: json("the call that delivers it", hookAcceptedSchema),
    },
    async handle({ context, parameters: { org, hook: name } }) {
      const { headers, rawHeaders } = context.req;
      const received = await hooks.receive(
        {
          ...{ org, name, headers, rawHeaders, query: context.search, requestId: stateOf(context).requestId },
          address: clientAddress(context.req),
          readBody: (maxBytes) => readRawBody(context, maxBytes),
        },
        Date.now(),
      );
      if (received.type === "reply") return { status: 200, body: received.text, contentType: "text/plain" };
      // Slack shows the body of some responses to its users.
      if (received.provider === "slack") return { status: 200, body: "", contentType: "text/plain" };
      const { id, isDuplicate } = received.call;
      return { status: 202, body: { id, ...(isDuplicate ? { duplicate: true as const } : {}) } };
    },
  }),
];
