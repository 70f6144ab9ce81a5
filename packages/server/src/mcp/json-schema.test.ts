import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSchema, type JsonSchema } from "./json-schema.ts";

const object = (properties: object, more: object = {}): JsonSchema => ({ type: "object", properties, ...more });

test("a value that does not match is described with the place of each problem", () => {
  const check = compileSchema(
    object({ city: { type: "string" }, days: { enum: [1, 7] } }, { required: ["city"], additionalProperties: false }),
  );
  assert.equal(check({ city: "Ulm", days: 7 }), undefined);
  assert.equal(
    check({ days: 2, town: 1 }),
    "the value must have required property 'city'; the value must not have the property \"town\"; /days must be one of [1,7]",
  );
  const many = compileSchema(object({ list: { type: "array", items: { type: "number" } } }));
  assert.match(
    many({ list: ["a", "a", "a", "a", "a", "a", "a"] }) ?? "",
    /^(\/list\/\d must be number; ){5}and 2 more$/,
  );
});

test("schemas of both dialects are read, and others are rejected", () => {
  const tuple = (schema: object) => compileSchema(object({ pair: { type: "array", ...schema } }));
  const modern = tuple({ prefixItems: [{ type: "number" }] });
  assert.match(modern({ pair: ["a"] }) ?? "", /^\/pair\/0 must be number$/);
  const draft7 = compileSchema({
    $schema: "http://json-schema.org/draft-07/schema#",
    ...object({ pair: { type: "array", items: [{ type: "number" }] } }),
  });
  assert.match(draft7({ pair: ["a"] }) ?? "", /^\/pair\/0 must be number$/);
  for (const schema of [object({ a: { type: "text" } }), object({ a: { $ref: "https://example.com/a.json" } })])
    assert.throws(() => compileSchema(schema));
});

test("schemas with the same identifier do not know of each other", () => {
  const first = compileSchema({ $id: "urn:example:a", ...object({ a: { type: "string" } }) });
  const second = compileSchema({ $id: "urn:example:a", ...object({ a: { type: "number" } }) });
  assert.deepEqual([first({ a: "1" }), second({ a: 1 })], [undefined, undefined]);
});

test("a regular expression that takes too long is interrupted, and its schema is not applied again", () => {
  const check = compileSchema(object({ a: { type: "string", pattern: "^(a+)+$" } }));
  const began = performance.now();
  for (let i = 0; i < 50; i++) assert.equal(check({ a: `${"a".repeat(60)}b` }), undefined);
  assert.ok(performance.now() - began < 2_000);
});
