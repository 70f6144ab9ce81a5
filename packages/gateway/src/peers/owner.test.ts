import assert from "node:assert/strict";
import { test } from "node:test";
import { ownerOf } from "./owner.ts";

const KEYS = Array.from({ length: 3_000 }, (_, index) => `acme/endpoint-${index}`);

test("gives each of three gateways about a third of the endpoints, in whatever order they are listed", () => {
  const counts = new Map<string, number>();
  for (const key of KEYS) {
    const owner = ownerOf(key, ["a#1", "b#1", "c#1"]);
    assert.equal(ownerOf(key, ["c#1", "a#1", "b#1"]), owner);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  for (const count of counts.values()) assert.ok(count > 850 && count < 1_150, `${count}`);
});

test("changes only the owner of endpoints that a gateway that leaves had", () => {
  for (const key of KEYS) {
    const before = ownerOf(key, ["a#1", "b#1", "c#1"]);
    const after = ownerOf(key, ["a#1", "b#1"]);
    assert.ok(before === "c#1" || before === after);
  }
});
