import { Readable } from "node:stream";
import { FaasError, hostnameOf } from "@faas/core";
import type { Context } from "koa";
import { z } from "zod";
import { clientAddress } from "../../audit/client-address.ts";
import type { McpService } from "../../mcp/mcp-service.ts";
import type { AgentRequest } from "../../mcp/tool-caller.ts";
import type { Store } from "../../state/store.ts";
import { readRawBody, unreadBody } from "../drain-body.ts";
import { checkLocalHost } from "../host-check.ts";
import { requireOrg } from "../lookup.ts";
import type { Permissions } from "../permissions.ts";
import { defineRoute, eventStream, type Route, stateOf } from "../route.ts";

export interface McpRoutesDeps {
  readonly store: Pick<Store, "org" | "orgs">;
  readonly mcp: Pick<McpService, "post" | "listen">;
  /** True where keys are required. */
  readonly isAuth: boolean;
  /** Aborted when responses that would never end have to. */
  readonly ending: AbortSignal;
}

/** Largest message of an agent. */
const MAX_BYTES = 4 * 2 ** 20;

const messageSchema = z.looseObject({ jsonrpc: z.literal("2.0") });

/** Creates the routes of the Model Context Protocol (Streamable HTTP). */
export const mcpRoutes = (deps: McpRoutesDeps): Route[] => [postMessage(deps), getChanges(deps)];

const PATH = "/-/orgs/{org}/mcp";

const postMessage = ({ store, mcp, isAuth, ending }: McpRoutesDeps) =>
  defineRoute({
    method: "post",
    path: PATH,
    requires: "call",
    summary:
      "Serves the organization's tools to agents: a message of the Model Context Protocol, of 2026-07-28 or 2025-11-25",
    requestBody: unreadBody("application/json"),
    responses: {
      200: eventStream("messages, the last of them the response; or the response as JSON", messageSchema),
      202: { description: "a notification was received" },
    },
    async handle({ context, parameters: { org }, permissions }) {
      checkOrigin(context, isAuth);
      requireOrg(org, store, permissions);
      const body = await readRawBody(context, MAX_BYTES);
      // Calls end by their timeouts: like other requests in progress, they are finished before the server stops.
      const signals = isToolCall(body) ? [] : [ending];
      const request = new Request(`http://localhost${context.path}`, {
        ...{ method: "POST", headers: headersOf(context), body: new Uint8Array(body) },
        signal: untilEnd(context, permissions, ...signals),
      });
      const response = await mcp.post({ org, request, permissions, from: agentRequest(context), ending });
      return sendResponse(context, response);
    },
  });

const getChanges = ({ store, mcp, isAuth, ending }: McpRoutesDeps) =>
  defineRoute({
    method: "get",
    path: PATH,
    requires: "call",
    summary: "Streams a notification whenever the organization's tools have changed, to agents that speak 2025-11-25",
    responses: { 200: eventStream("the notifications", messageSchema) },
    async handle({ context, parameters: { org }, permissions }) {
      checkOrigin(context, isAuth);
      requireOrg(org, store, permissions);
      if (!context.get("Accept").includes("text/event-stream"))
        throw new FaasError(
          "INVALID_REQUEST",
          'Expected the header "Accept: text/event-stream"; requests are sent with POST',
        );
      const body = await mcp.listen(org, untilEnd(context, permissions, ending));
      setStreamHeaders(context);
      context.status = 200;
      context.type = "text/event-stream";
      context.flushHeaders();
      return { status: 200, body, contentType: "text/event-stream" };
    },
  });

/**
 * Rejects web pages of other sites, where no key is needed: a browser may send their requests to this machine.
 * @throws HOST_REFUSED
 */
function checkOrigin(context: Context, isAuth: boolean): void {
  const origin = context.get("Origin");
  if (isAuth || origin === "" || hostnameOf(origin.replace(/^\w+:\/\//, "")) === context.hostname) return;
  checkLocalHost(origin.replace(/^[\w-]+:\/\//, ""));
}

/** Tells whether a message calls a tool. */
function isToolCall(body: Buffer): boolean {
  try {
    return (JSON.parse(body.toString()) as { readonly method?: unknown } | null)?.method === "tools/call";
  } catch {
    return false;
  }
}

/** Returns a signal for the end of what a response waits for: its client leaves, the key is revoked, or another signal aborts. */
function untilEnd({ res }: Context, permissions: Permissions, ...signals: readonly AbortSignal[]): AbortSignal {
  const disconnected = new AbortController();
  res.once("close", () => disconnected.abort());
  return AbortSignal.any([disconnected.signal, ...signals, ...(permissions.signal ? [permissions.signal] : [])]);
}

/** Returns the headers without the key, which is nothing to the tools. */
function headersOf({ headers }: Context): Headers {
  const copied = new Headers();
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && name !== "authorization" && name !== "cookie") copied.set(name, String(value));
  return copied;
}

function agentRequest(context: Context): AgentRequest {
  const [traceparent, tracestate] = [context.get("traceparent"), context.get("tracestate")];
  return {
    ...{ requestId: stateOf(context).requestId, address: clientAddress(context.req) },
    ...(traceparent === "" ? {} : { traceparent }),
    ...(tracestate === "" ? {} : { tracestate }),
  };
}

/** Passes on a response: errors of the protocol have statuses and bodies of their own. */
async function sendResponse(context: Context, response: Response) {
  const contentType = response.headers.get("content-type") ?? undefined;
  for (const [name, value] of response.headers)
    if (name !== "content-type" && name !== "content-length" && name !== "connection") context.set(name, value);
  const isStream = contentType?.startsWith("text/event-stream") === true;
  if (isStream) setStreamHeaders(context);
  const body = response.body === null ? undefined : isStream ? Readable.from(response.body) : await response.text();
  const passedOn = {
    status: response.status,
    ...(body === undefined ? {} : { body }),
    ...(contentType && { contentType }),
  };
  return passedOn as { readonly status: 200; readonly body: Readable | string; readonly contentType?: string };
}

function setStreamHeaders(context: Context): void {
  context.set("Cache-Control", "no-store");
  // Proxies must pass events on as they come.
  context.set("X-Accel-Buffering", "no");
}
