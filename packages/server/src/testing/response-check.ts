import assert from "node:assert/strict";
import { PROBLEM_MEDIA_TYPE, problemSchema } from "@faas/core";
import type { z } from "zod";
import type { ResponseDefinition, Route } from "../control-api/route.ts";
import { createRoutes, type RoutesDeps } from "../control-api/routes/index.ts";

/** Checks responses of the control API against the definitions of its routes. */

// Factories use their dependencies only when a request comes.
const routes = createRoutes({} as RoutesDeps);
const matchers = routes.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll(".", String.raw`\.`).replaceAll(/\{\w+\}/g, "[^/]+")}$`),
}));

/** Returns every response that a route declares: `put /-/orgs/{org} 201`. */
export const declaredResponses = (): string[] =>
  routes.flatMap((route) => Object.keys(route.responses).map((status) => responseName(route, Number(status))));

const responseName = ({ method, path }: Route, status: number) => `${method} ${path} ${status}`;

export interface CheckedResponse {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/**
 * Checks a response: its status is declared or a problem, and its body has the declared fields and no others.
 * @returns the declared response; undefined when the path belongs to no route, or for a problem that is not declared
 */
export function checkResponse({ method, path, status, contentType, text }: CheckedResponse): string | undefined {
  const pathname = path.replace(/\?.*/, "");
  const route = matchers.find(
    ({ route, pattern }) => route.method === method.toLowerCase() && pattern.test(pathname),
  )?.route;
  if (route === undefined) return undefined;
  const name = responseName(route, status);
  const definition = route.responses[status];
  if (definition !== undefined) checkBody(definition, contentType, text, name);
  else {
    assert.ok(status >= 400, `${name} is not declared`);
    assert.equal(contentType, PROBLEM_MEDIA_TYPE, name);
    if (text !== "") problemSchema.parse(JSON.parse(text));
  }
  return definition === undefined ? undefined : name;
}

function checkBody(definition: ResponseDefinition, contentType: string, text: string, name: string): void {
  if (definition.mediaType === undefined) {
    assert.equal(text, "", name);
    return;
  }
  assert.equal(contentType.replace(/;.*/, ""), definition.mediaType, name);
  if ("schema" in definition) checkJson(definition.schema, text, name);
  else if ("eventSchema" in definition)
    for (const [, data = ""] of text.matchAll(/^data: (.*)$/gm)) checkJson(definition.eventSchema, data, name);
  else if (definition.lineSchema !== undefined)
    for (const line of text.split("\n").filter(Boolean)) checkJson(definition.lineSchema, line, name);
}

function checkJson(schema: z.ZodType, text: string, name: string): void {
  const body = JSON.parse(text);
  // Parsing drops what is not declared.
  assert.deepEqual(schema.parse(body), body, name);
}
