import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { openApiDocument } from "./openapi.ts";
import { createRoutes, type RoutesDeps } from "./routes/index.ts";

// Routes use their dependencies only when a request comes.
const routes = createRoutes({} as RoutesDeps);

interface Schema {
  readonly pattern?: string;
  readonly additionalProperties?: unknown;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, object>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const document = JSON.parse(JSON.stringify(openApiDocument(routes, "1.2.3"))) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
);

test("the document is valid OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)));
  assert.ok(valid, JSON.stringify(errors));
});

test("the document has every route", () => {
  assert.deepEqual(
    operations.map(({ name }) => name).sort(),
    routes.map(({ method, path }) => `${method} ${path}`).sort(),
  );
});

test("every reference leads to a component", () => {
  const references = Array.from(
    JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([\w-]+)"/g),
    ([, kind = "", name = ""]) => [kind, name] as const,
  );
  assert.ok(references.length > 50);
  assert.equal(JSON.stringify(document).match(/"\$ref"/g)?.length, references.length);
  const components = document.components as unknown as Record<string, Record<string, object>>;
  for (const [kind, name] of references) assert.ok(components[kind]?.[name], `${kind}/${name}`);
});

test("every operation has an id of its own", () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
});

for (const { name, operation } of operations) {
  test(`${name}: successful responses have a schema, other responses are problems`, () => {
    for (const [status, { content }] of Object.entries(operation.responses)) {
      const isReceipt = status === "202" && name === "post /-/orgs/{org}/mcp";
      const isWithoutBody = status === "204" || isReceipt || name.startsWith("head ");
      if (status === "default" || Number(status) >= 400)
        assert.ok(content?.["application/problem+json"] || (isWithoutBody && !content), status);
      else
        assert.equal(Object.values(content ?? {}).filter(({ schema }) => schema).length, isWithoutBody ? 0 : 1, status);
    }
    assert.ok("default" in operation.responses);
  });
}

test("path parameters have the patterns that the server checks", () => {
  for (const { name, operation } of operations) {
    for (const parameter of operation.parameters ?? []) {
      if (parameter.in === "path") assert.ok(parameter.schema.pattern, `${name} ${parameter.name}`);
    }
  }
});

test("JSON bodies of requests allow no unknown fields, those of responses do", () => {
  const { schemas } = document.components;
  for (const name of ["AddEndpoint", "PutEndpoint", "PutOrganization", "PutSecret", "CreateKey", "CreateAdminKey"])
    assert.equal(schemas[name]?.additionalProperties, false, name);
  for (const name of ["Endpoint", "OrganizationDetails", "SecretSet", "NewKey", "ServerConfig", "Settings", "Limits"]) {
    assert.ok(schemas[name], name);
    assert.notEqual(schemas[name]?.additionalProperties, false, name);
  }
});

test("only the bodies of PUT /-/orgs/{org} and of a rollback may be absent", () => {
  const optional = operations.filter(({ operation }) => operation.requestBody?.required === false);
  assert.deepEqual(
    optional.map(({ name }) => name),
    ["put /-/orgs/{org}", "post /-/orgs/{org}/endpoints/{endpoint}/rollback"],
  );
});

test("patterns use only what all regular expression engines support", () => {
  const patterns = Array.from(JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g), ([, text = ""]) =>
    JSON.parse(text),
  );
  assert.ok(patterns.length > 30);
  for (const pattern of patterns) {
    new RegExp(pattern, "u");
    // Neither look-around nor classes that depend on the engine's idea of Unicode.
    assert.doesNotMatch(pattern, /\(\?(?!:)|\\[dw]/, pattern);
  }
});

test("the document has no keywords for editors", () => {
  assert.doesNotMatch(JSON.stringify(document), /patternErrorMessage|forEditors/);
});
