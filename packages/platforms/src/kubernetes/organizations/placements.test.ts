import assert from "node:assert/strict";
import { test } from "node:test";
import { Placements } from "./placements.ts";

test("reports only changes of a placement, not of other limits", () => {
  const placements = new Placements();
  assert.equal(placements.set("acme", { replicas: 1 }), false);
  assert.equal(placements.set("acme", { replicas: 1, nodeSelector: { pool: "a" } }), true);
  const { nodeSelector } = placements.of("acme") ?? {};
  assert.equal(placements.set("acme", { nodeSelector: { pool: "a" } }), false);
  assert.deepEqual([nodeSelector, placements.of("other")], [{ pool: "a" }, undefined]);
  assert.equal(placements.set("acme", {}), true);
  assert.deepEqual(placements.of("acme"), {});
});
