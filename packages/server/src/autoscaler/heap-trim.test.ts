import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { IdleMemory } from "./heap-trim.ts";

test("when all is idle, what is no longer needed is given back", async () => {
  const needless = new WeakRef({ text: "x".repeat(2 ** 20) });
  // What was just made is held until the present job ends (ECMA-262, WeakRef).
  await delay(1);
  assert.ok(needless.deref());
  await delay(1);
  new IdleMemory(1).begin();
  const deadline = Date.now() + 10_000;
  while (needless.deref() && Date.now() < deadline) await delay(5);
  assert.equal(needless.deref(), undefined);
});
