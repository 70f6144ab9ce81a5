import type { Readable } from "node:stream";
import type { Immutable, KeyScope } from "@faas/core";
import type { VerifiedKey } from "@faas/gateway";
import type { Context } from "koa";
import type { z } from "zod";
import type { Permissions } from "./permissions.ts";

/** Routes of the control API: the router, the types of the handlers and the OpenAPI document come from the same definitions. */

/**
 * Permission that a request needs where keys are required. `open`: none. `key`: any key. `call`: a key that may call or read, for the organization in the
 * path. Otherwise a key with the scope, for that organization.
 */
export type RequiredPermission = "open" | "key" | "call" | KeyScope;

/** How a route reads the body of its requests. */
export interface RequestBody<Value> {
  readonly mediaType: string;
  /** For the OpenAPI document. Absent: bytes. */
  readonly schema?: z.ZodType;
  readonly isRequired: boolean;
  read(context: Context): Promise<Value>;
}

/** A response with a JSON body. */
export interface JsonResponse<Schema extends z.ZodType = z.ZodType> {
  readonly description: string;
  readonly mediaType: "application/json" | "application/problem+json";
  readonly schema: Schema;
}

/** A response with text, or with one JSON object per line. */
export interface TextResponse {
  readonly description: string;
  readonly mediaType: "text/plain" | "application/x-ndjson";
  /** Schema of each line. Absent: plain text. */
  readonly lineSchema?: z.ZodType;
}

/** A response with server-sent events. */
export interface EventStreamResponse {
  readonly description: string;
  readonly mediaType: "text/event-stream";
  /** Schema of the data of each event. */
  readonly eventSchema: z.ZodType;
}

/** A response without a body. */
interface EmptyResponse {
  readonly description: string;
  readonly mediaType?: undefined;
}

export type ResponseDefinition = JsonResponse | TextResponse | EventStreamResponse | EmptyResponse;
type ResponseDefinitions = Readonly<Record<number, ResponseDefinition>>;

export const json = <Schema extends z.ZodType>(description: string, schema: Schema): JsonResponse<Schema> => ({
  description,
  mediaType: "application/json",
  schema,
});

export const jsonLines = (description: string, lineSchema: z.ZodType): TextResponse => ({
  description,
  mediaType: "application/x-ndjson",
  lineSchema,
});

export const eventStream = (description: string, eventSchema: z.ZodType): EventStreamResponse => ({
  description,
  mediaType: "text/event-stream",
  eventSchema,
});

type BodyOf<Definition> = Definition extends { readonly schema: infer Schema extends z.ZodType }
  ? { readonly body: Immutable<z.output<Schema>> }
  : Definition extends { readonly mediaType: string }
    ? { readonly body: Readable | string; readonly contentType?: string }
    : { readonly body?: undefined };

/** Return value of a handler: a status that its route declares, with the body that belongs to it. */
type ResponseOf<Definitions extends ResponseDefinitions> = {
  [Status in keyof Definitions]: { readonly status: Status } & BodyOf<Definitions[Status]>;
}[keyof Definitions];

/** A response of any route. */
export interface RouteResponse {
  readonly status: number;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** Names in the path of a route, such as `org` in `/-/orgs/{org}`. */
type ParameterNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterNames<Rest>
  : never;

/** State that the handlers and middlewares of a request share, for the audit log. */
export interface RequestState {
  requestId: string;
  /** Absent: the request matches no route. */
  route?: Route;
  /** Absent: the request has no valid key. */
  key?: VerifiedKey;
  /** Code of the problem that the response has. */
  code?: string;
  /** Object of the request, where the path does not name it. */
  target?: string;
  /** Values before and after. */
  change?: Readonly<Record<string, unknown>>;
}

/** Returns the state of a request. */
export const stateOf = (context: Context): RequestState => context.state as RequestState;

/** A request whose key, path parameters and body have been checked. */
export interface RouteRequest<Parameters extends string = string, Body = unknown> {
  readonly context: Context;
  readonly parameters: Readonly<Record<Parameters, string>>;
  readonly body: Body;
  readonly permissions: Permissions;
}

export interface RouteDefinition<Path extends string, Body, Definitions extends ResponseDefinitions> {
  readonly method: "get" | "head" | "put" | "post" | "delete";
  /** In the syntax of OpenAPI: `{name}` is a parameter. */
  readonly path: Path;
  readonly requires: RequiredPermission;
  readonly summary: string;
  readonly query?: Readonly<Record<string, z.ZodType>>;
  readonly requestBody?: RequestBody<Body>;
  /** Responses by status. Problems are not listed, except those that are part of a route's purpose. */
  readonly responses: Definitions;
  handle(request: RouteRequest<ParameterNames<Path>, Body>): ResponseOf<Definitions> | Promise<ResponseOf<Definitions>>;
}

/** A route of the control API. */
export interface Route extends Omit<RouteDefinition<string, unknown, ResponseDefinitions>, "handle"> {
  handle(request: RouteRequest): RouteResponse | Promise<RouteResponse>;
}

/** Defines a route. The types of the handler's parameters, body and responses come from the definition. */
export function defineRoute<const Path extends string, Body, const Definitions extends ResponseDefinitions>(
  definition: RouteDefinition<Path, Body, Definitions>,
): Route {
  return definition as unknown as Route;
}
