import { errorCodes } from "@faas/core";
import { z } from "zod";
import type { Route } from "./route.ts";

/** The OpenAPI 3.1 document of the control API, made from the routes and the schemas that validate. */
export function openapi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    (paths[route.path] as Record<string, object>)[route.method] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "faas control API", version, license: { name: "MIT", identifier: "MIT" } },
    paths,
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "Where keys are required" } },
    },
  };
}

const problemSchema = {
  type: "object",
  description: "RFC 9457",
  required: ["type", "title", "status", "detail", "code"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { enum: Object.keys(errorCodes) },
    requestId: { type: "string" },
  },
};

function operation({ method, path, access, summary, query = {}, body, answers }: Route): object {
  const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  }));
  const responses: Record<string, object> = {};
  for (const [status, description] of Object.entries(answers)) responses[status] = { description };
  responses.default = {
    description: "A problem",
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  };
  return {
    operationId: `${method}${path.replaceAll(/[^a-zA-Z]+(\w)?/g, (_, letter = "") => letter.toUpperCase())}`,
    summary,
    // The scope that the key has to have; in OpenAPI 3.1 it may be said of any scheme.
    security: access === "open" ? [] : [{ key: access === "key" ? [] : [access] }],
    ...(inPath.length + inQuery.length > 0 ? { parameters: [...inPath, ...inQuery] } : {}),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses,
  };
}

function contentOf(body: z.ZodType | string): object {
  if (typeof body === "string") return { [body]: { schema: { type: "string", format: "binary" } } };
  const { $schema: _, ...schema } = z.toJSONSchema(body, { io: "input" });
  return { "application/json": { schema } };
}
