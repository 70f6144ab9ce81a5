import { z } from "zod";
import { parameterSchema } from "./parameters.ts";
import type { RequestBody, ResponseDefinition, Route } from "./route.ts";

type JsonSchema = Record<string, unknown>;

/** Builds the OpenAPI 3.1 document of the control API from its routes. */
export function openApiDocument(routes: readonly Route[], version: string): object {
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
      schemas: namedSchemas(),
      headers: {
        "X-Request-Id": {
          description: "Id of the request: the client's own, or a new one. The server's log and the audit log have it",
          schema: { type: "string" },
        },
      },
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "Where keys are required" } },
    },
  };
}

const HEADERS = { "X-Request-Id": { $ref: "#/components/headers/X-Request-Id" } };
const schemaReference = (id: string) => `#/components/schemas/${id}`;

const PROBLEM = {
  description: "A problem",
  headers: HEADERS,
  content: { "application/problem+json": { schema: { $ref: schemaReference("Problem") } } },
};

function operation(route: Route): object {
  const { method, path, requires, summary, query = {}, requestBody, responses } = route;
  const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    ...described(parameterSchema(name)),
  }));
  const inQuery = Object.entries(query).map(([name, schema]) => ({ name, in: "query", ...described(schema) }));
  return {
    operationId: `${method}${path.replaceAll(/[^a-zA-Z]+(\w)?/g, (_, letter = "") => letter.toUpperCase())}`,
    summary,
    // The scope that the key needs; OpenAPI 3.1 allows it for all types of security schemes.
    security: requires === "open" ? [] : [{ key: requires === "key" ? [] : [requires] }],
    ...(inPath.length + inQuery.length > 0 ? { parameters: [...inPath, ...inQuery] } : {}),
    ...(requestBody === undefined ? {} : { requestBody: bodyOf(requestBody) }),
    responses: {
      ...Object.fromEntries(Object.entries(responses).map(([status, definition]) => [status, response(definition)])),
      default: PROBLEM,
    },
  };
}

/** A parameter has its description beside its schema. */
function described(schema: z.ZodType): object {
  const { description, ...rest } = jsonSchema(schema);
  return { ...(description === undefined ? {} : { description }), schema: rest };
}

function bodyOf({ mediaType, schema, isRequired }: RequestBody<unknown>): object {
  const content = schema === undefined ? { type: "string", format: "binary" } : jsonSchema(schema);
  return { required: isRequired, content: { [mediaType]: { schema: content } } };
}

function response(definition: ResponseDefinition): object {
  const { description, mediaType } = definition;
  if (mediaType === undefined) return { description, headers: HEADERS };
  return { description, headers: HEADERS, content: { [mediaType]: { schema: contentSchema(definition) } } };
}

function contentSchema(definition: Exclude<ResponseDefinition, { mediaType?: undefined }>): JsonSchema {
  if ("schema" in definition) return jsonSchema(definition.schema);
  const { mediaType: contentMediaType } = definition;
  const itemSchema = "eventSchema" in definition ? definition.eventSchema : definition.lineSchema;
  if (itemSchema === undefined) return { type: "string" };
  // JSON Schema 2020-12 section 8.5: what the text contains.
  return { type: "string", contentMediaType, contentSchema: { type: "array", items: jsonSchema(itemSchema) } };
}

const CONVERSION = {
  // Responses may have more fields than their schemas, and fields with defaults may be absent from requests.
  io: "input",
  override({ jsonSchema }: { jsonSchema: JsonSchema }) {
    delete jsonSchema.forEditors;
    // Bounds of `z.int()`, which say nothing about the API.
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  },
} as const;

/** Converts every schema that has an `id`. */
function namedSchemas(): Readonly<Record<string, JsonSchema>> {
  const { schemas } = z.toJSONSchema(z.globalRegistry, { ...CONVERSION, uri: schemaReference });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIdentity(schema)]));
}

/** Converts a schema; one that has an `id` becomes a reference. */
function jsonSchema(schema: z.ZodType): JsonSchema {
  const id = z.globalRegistry.get(schema)?.id;
  return id === undefined ? withoutIdentity(z.toJSONSchema(schema, CONVERSION)) : { $ref: schemaReference(id) };
}

function withoutIdentity({ $schema: _, $id: __, id: ___, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
