import { Readable } from "node:stream";
import {
  asyncCallListSchema,
  asyncCallSchema,
  asyncCallStates,
  endpointName,
  FaasError,
  parseDuration,
  validate,
} from "@faas/core";
import type { Context } from "koa";
import { z } from "zod";
import type { AsyncCallService } from "../../../async-calls/async-call-service.ts";
import type { Store } from "../../../state/store.ts";
import { requireOrg } from "../../lookup.ts";
import { defineRoute, eventStream, json, type Route } from "../../route.ts";

const CALL = "/-/orgs/{org}/calls/{call}";

export interface AsyncCallRoutesDeps {
  readonly store: Pick<Store, "org" | "orgs">;
  readonly asyncCalls: AsyncCallService;
  /** Aborted when responses that would never end have to. */
  readonly ending: AbortSignal;
}

/** Creates the routes about asynchronous calls. */
export const asyncCallRoutes = (deps: AsyncCallRoutesDeps): Route[] => [
  listAsyncCalls(deps),
  getAsyncCall(deps),
  followAsyncCall(deps),
  getResponse(deps),
  retryAsyncCall(deps),
  dropAsyncCall(deps),
];

const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 50;
const MAX_WAIT_MS = 60_000;

const limitSchema = z.coerce.number().int().min(1).max(MAX_LIMIT);
const stateSchema = z
  .string()
  .transform((text) => text.split(","))
  .pipe(z.array(z.enum(asyncCallStates)));

const listAsyncCalls = ({ store, asyncCalls }: AsyncCallRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/calls",
    requires: "read",
    summary: "Lists asynchronous calls, the newest first",
    query: {
      endpoint: endpointName.describe("only calls of this endpoint"),
      state: z.string().describe(`only calls in these states: ${asyncCallStates.join(", ")}, separated by commas`),
      before: z.string().describe("id of a call: only earlier ones"),
      limit: limitSchema.describe(`the largest number of calls; without it ${DEFAULT_LIMIT}`),
    },
    responses: { 200: json("the calls", asyncCallListSchema) },
    handle({ context, parameters: { org }, permissions }) {
      requireOrg(org, store, permissions);
      const { endpoint, state, before, limit = DEFAULT_LIMIT } = context.query;
      const filter = {
        ...(endpoint === undefined ? {} : { endpoint: validate(endpointName, endpoint, "the query") }),
        ...(state === undefined ? {} : { states: validate(stateSchema, String(state), "the query") }),
        ...(before === undefined ? {} : { before: String(before) }),
        limit: validate(limitSchema, limit, "the query"),
      };
      return { status: 200, body: asyncCalls.list(org, filter) };
    },
  });

const getAsyncCall = ({ store, asyncCalls, ending }: AsyncCallRoutesDeps) =>
  defineRoute({
    method: "get",
    path: CALL,
    requires: "call",
    summary: "Shows an asynchronous call with its deliveries",
    query: { wait: z.string().describe("waits until it has ended, at most this long: a duration up to 60s") },
    responses: { 200: json("the call", asyncCallSchema) },
    async handle({ context, parameters: { org, call }, permissions }) {
      requireOrg(org, store, permissions);
      const { wait } = context.query;
      if (wait === undefined) return { status: 200, body: await asyncCalls.get(org, call) };
      const signal = AbortSignal.any([AbortSignal.timeout(waitOf(String(wait))), disconnection(context), ending]);
      return { status: 200, body: await asyncCalls.waitForEnd(org, call, signal) };
    },
  });

const followAsyncCall = ({ store, asyncCalls, ending }: AsyncCallRoutesDeps) =>
  defineRoute({
    method: "get",
    path: `${CALL}/events`,
    requires: "call",
    summary: "Streams an asynchronous call whenever it changes, until it has ended: server-sent events",
    responses: { 200: eventStream("the call, at once and after each change", asyncCallSchema) },
    async handle({ context, parameters: { org, call }, permissions }) {
      requireOrg(org, store, permissions);
      // A call that does not exist is a problem, not a stream.
      await asyncCalls.get(org, call);
      const revoked = permissions.signal ? [permissions.signal] : [];
      const signal = AbortSignal.any([disconnection(context), ending, ...revoked]);
      context.set("Cache-Control", "no-store");
      // Proxies must pass events on as they come.
      context.set("X-Accel-Buffering", "no");
      const calls = asyncCalls.follow(org, call, signal);
      const events = async function* () {
        for await (const each of calls) yield `event: ${each.state}\ndata: ${JSON.stringify(each)}\n\n`;
      };
      return { status: 200, body: Readable.from(events()), contentType: "text/event-stream" };
    },
  });

const getResponse = ({ store, asyncCalls }: AsyncCallRoutesDeps) =>
  defineRoute({
    method: "get",
    path: `${CALL}/response`,
    requires: "call",
    summary: "Returns the function's response to an asynchronous call that has ended, with its status and headers",
    responses: { 200: { description: "the response, whatever its status and type", mediaType: "text/plain" } },
    async handle({ context, parameters: { org, call }, permissions }) {
      requireOrg(org, store, permissions);
      const { status, headers, body } = await asyncCalls.response(org, call);
      for (const [name, value] of headers) if (!OWN.has(name.toLowerCase())) context.append(name, value);
      // A browser must not take it for a page of this origin.
      context.set("Content-Security-Policy", "sandbox");
      context.set("X-Content-Type-Options", "nosniff");
      return { status: status as 200, body: Readable.from([body]) };
    },
  });

const retryAsyncCall = ({ store, asyncCalls }: AsyncCallRoutesDeps) =>
  defineRoute({
    method: "post",
    path: `${CALL}/retry`,
    requires: "deploy",
    summary: "Delivers an asynchronous call again that has failed, or now one that waits",
    responses: { 200: json("the call", asyncCallSchema) },
    async handle({ parameters: { org, call }, permissions }) {
      requireOrg(org, store, permissions);
      return { status: 200, body: await asyncCalls.retry(org, call) };
    },
  });

const dropAsyncCall = ({ store, asyncCalls }: AsyncCallRoutesDeps) =>
  defineRoute({
    method: "delete",
    path: CALL,
    requires: "deploy",
    summary: "Removes an asynchronous call, whatever its state",
    responses: { 204: { description: "it is removed" } },
    async handle({ parameters: { org, call }, permissions }) {
      requireOrg(org, store, permissions);
      await asyncCalls.drop(org, call);
      return { status: 204 };
    },
  });

/** Headers of the stored response that this response has itself. */
const OWN: ReadonlySet<string> = new Set(["content-length", "date", "set-cookie", "x-request-id", "server-timing"]);

function waitOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms > MAX_WAIT_MS)
    throw new FaasError(
      "INVALID_REQUEST",
      `In the query: expected "wait" to be a duration of at most 60s, such as 30s, got "${text}"`,
    );
  return ms;
}

function disconnection({ res }: Context): AbortSignal {
  const disconnected = new AbortController();
  res.once("close", () => disconnected.abort());
  return disconnected.signal;
}
