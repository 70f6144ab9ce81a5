import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context, Event } from "./faas.d.ts";
import { handler } from "./index.ts";

const context = { log: { info() {} } } as unknown as Context;
const event = (body: { name?: string } | null) => ({ body }) as Event<{ name?: string }>;

test("greets the given name", async () => {
  assert.deepEqual(await handler(event({ name: "you" }), context), { hello: "you" });
});

test("greets the world without a name", async () => {
  assert.deepEqual(await handler(event(null), context), { hello: "world" });
});
