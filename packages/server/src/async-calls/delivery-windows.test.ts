import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { DeliveryWindows } from "./delivery-windows.ts";

/** Creates windows of 3 for each endpoint and of 4 for each organization; records the turns of endpoints. */
function created() {
  const turns: string[] = [];
  const windows = new DeliveryWindows(
    () => 3,
    () => 4,
    (topic) => turns.push(topic),
  );
  return { windows, turns };
}

test("an endpoint has at most the deliveries of its window at a time, and gets a turn when one has ended", async () => {
  const { windows, turns } = created();
  assert.deepEqual([windows.reserve("a/x", 2), windows.reserve("a/x", 2), windows.reserve("a/x", 2)], [2, 1, 0]);
  windows.release("a/x", 1, false);
  await turn();
  assert.deepEqual(turns, ["a/x"]);
  assert.equal(windows.reserve("a/x", 2), 1);
});

test("the endpoints of an organization share its window, those of others do not", () => {
  const { windows } = created();
  assert.equal(windows.reserve("a/x", 3), 3);
  assert.equal(windows.reserve("a/y", 3), 1);
  assert.equal(windows.reserve("b/x", 3), 3);
});

test("a paused endpoint gets no room until it is resumed as often", async () => {
  const { windows, turns } = created();
  windows.pause("a/x");
  windows.pause("a/x");
  assert.equal(windows.reserve("a/x", 1), 0);
  windows.resume("a/x");
  await turn();
  assert.deepEqual([turns.length > 0, windows.reserve("a/x", 1)], [true, 0]);
  windows.resume("a/x");
  assert.equal(windows.reserve("a/x", 1), 1);
});

test("all organizations together have a bounded number of deliveries, and each gets its turn", async () => {
  const turns: string[] = [];
  const windows = new DeliveryWindows(
    () => 1_000,
    () => 1_000,
    (topic) => turns.push(topic),
  );
  assert.equal(windows.reserve("a/x", 1_000), 256);
  for (const topic of ["b/x", "c/x"]) assert.equal(windows.reserve(topic, 1), 0);
  windows.release("a/x", 1, true);
  await turn();
  assert.deepEqual(turns, ["b/x", "c/x", "a/x"]);
});
