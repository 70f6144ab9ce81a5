import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { projectSchema } from "./project.ts";
import { projectJsonSchema } from "./project-schema.ts";

test('docs/faas.schema.json is what the code accepts ("npm run docs" writes it)', () => {
  const stored = readFileSync(join(import.meta.dirname, "../../../../docs/faas.schema.json"), "utf8");
  assert.equal(stored, projectJsonSchema());
});

test("an editor is told every field, and that there is no other", () => {
  const schema = JSON.parse(projectJsonSchema());
  assert.deepEqual(Object.keys(schema.properties), Object.keys(projectSchema.shape));
  assert.equal(schema.additionalProperties, false);
  assert.match(schema.properties.replicas.description, /Replicas/);
});
