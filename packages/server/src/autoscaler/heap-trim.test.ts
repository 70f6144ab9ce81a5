import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { HeapTrim } from "./heap-trim.ts";

const nextTurn = () => new Promise((done) => setImmediate(done));

test("garbage is collected some time after all endpoints became idle", async () => {
  const garbage = new WeakRef({ text: "x".repeat(2 ** 20) });
  // A new object is held until the present job ends (ECMA-262, WeakRef).
  await nextTurn();
  assert.ok(garbage.deref());
  await nextTurn();
  new HeapTrim(1).schedule();
  await eventually("the object is collected", async () => {
    await nextTurn();
    return garbage.deref() === undefined;
  });
});
