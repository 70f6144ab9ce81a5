import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedMutex } from "./keyed-mutex.ts";

test("work with one key runs in order, also after a failure; other keys do not wait", async () => {
  const mutex = new KeyedMutex();
  const events: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = mutex.run("a", async () => {
    await gate.promise;
    events.push("first");
    throw new Error("no");
  });
  const second = mutex.run("a", async () => void events.push("second"));
  await mutex.run("b", async () => void events.push("other"));
  assert.ok(mutex.isBusy("a"));
  gate.resolve();
  await assert.rejects(first, /no/);
  await second;
  assert.deepEqual(events, ["other", "first", "second"]);
  assert.ok(!mutex.isBusy("a"));
});

test("settled waits for all work under way, well or not", async () => {
  const mutex = new KeyedMutex();
  const events: string[] = [];
  for (const key of ["a", "a", "b"])
    mutex
      .run(key, async () => {
        events.push(key);
        throw new Error("no");
      })
      .catch(() => {});
  await mutex.settled();
  assert.deepEqual(events.toSorted(), ["a", "a", "b"]);
});
