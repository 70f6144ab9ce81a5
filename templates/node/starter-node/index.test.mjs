import assert from "node:assert/strict";
import { test } from "node:test";
import { handler } from "./index.mjs";

const context = { log: { info() {} } };

test("greets the given name", async () => {
  assert.deepEqual(await handler({ body: { name: "you" } }, context), { hello: "you" });
});

test("greets the world without a name", async () => {
  assert.deepEqual(await handler({ body: null }, context), { hello: "world" });
});
