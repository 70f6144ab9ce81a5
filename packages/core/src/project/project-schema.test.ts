import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { projectSchema } from "./project.ts";
import { projectJsonSchema } from "./project-schema.ts";

test('docs/faas.schema.json matches the code ("npm run docs" writes it)', () => {
  const stored = readFileSync(join(import.meta.dirname, "../../../../docs/faas.schema.json"), "utf8");
  assert.equal(stored, projectJsonSchema());
});

test("the schema describes every field and allows no others", () => {
  const schema = JSON.parse(projectJsonSchema());
  assert.deepEqual(Object.keys(schema.properties), Object.keys(projectSchema.shape));
  assert.equal(schema.additionalProperties, false);
  assert.match(schema.properties.replicas.description, /Replicas/);
});
