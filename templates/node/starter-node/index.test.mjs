import assert from "node:assert/strict";
import { test } from "node:test";
import { handler } from "./index.mjs";

const context = { log: { info() {} } };

test("it greets who is named", async () => {
  assert.deepEqual(await handler({ body: { name: "you" } }, context), { hello: "you" });
});

test("it greets the world when nobody is named", async () => {
  assert.deepEqual(await handler({ body: null }, context), { hello: "world" });
});
