import assert from "node:assert/strict";
import { test } from "node:test";
import { ENDPOINT_NAME_MAX } from "@faas/core";
import { endpointNameOf } from "./starter.ts";

test("endpointNameOf derives the name from the folder", () => {
  assert.equal(endpointNameOf("/src/invert"), "invert");
  assert.equal(endpointNameOf("/src/My Function_2"), "my-function-2");
  assert.equal(endpointNameOf(`/src/${"a".repeat(62)}__b`), "a".repeat(62));
  assert.ok(endpointNameOf(`/src/${"ab".repeat(80)}`).length <= ENDPOINT_NAME_MAX);
});

test("endpointNameOf falls back to hello for a folder name without letters", () => {
  assert.equal(endpointNameOf("/"), "hello");
  assert.equal(endpointNameOf("/src/关"), "hello");
});
