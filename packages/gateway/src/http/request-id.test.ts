import assert from "node:assert/strict";
import { test } from "node:test";
import { requestIdOf } from "./request-id.ts";

test("uses the client's request id", () => {
  assert.equal(requestIdOf({ "x-request-id": "abc-1" }), "abc-1");
});

test("creates a request id when the client sends none, or an invalid one", () => {
  for (const given of [undefined, "", "a b", "x".repeat(129), "ä"])
    assert.match(requestIdOf({ "x-request-id": given }), /^[0-9a-f-]{36}$/);
});
