import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DueHeap } from "./due-heap.ts";
import { Entry, Group, Topic } from "./entry.ts";

const topic = new Topic("acme/mail", new Group("acme"));

function entryAt(dueMs: number, sequence: number): Entry {
  const fields = { id: `${sequence}`, topic, line: undefined, sequence, enqueuedMs: 0 };
  return new Entry(
    { ...fields, bodyBytes: 0, bodyChecksum: 0, headBytes: 0 },
    { status: "waiting", dueMs, untilMs: 0, attempts: 0 },
    { segment: 1, bodyOffset: 0, notes: undefined },
  );
}

test("entries come out by their time, however many are removed in between, and none before its time", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(100), fc.boolean())), fc.nat(100), (times, nowMs) => {
      const heap = new DueHeap(
        () => nowMs,
        () => {},
      );
      const entries = times.map(([dueMs], index) => entryAt(dueMs, index));
      for (const entry of entries) heap.add(entry);
      const kept = entries.filter((_, index) => times[index]?.[1]);
      for (const entry of entries) if (!kept.includes(entry)) heap.remove(entry);
      const taken: number[] = [];
      for (let entry = heap.takeDue(); entry; entry = heap.takeDue()) taken.push(entry.dueMs);
      heap.stop();
      assert.deepEqual(
        taken,
        kept
          .map(({ dueMs }) => dueMs)
          .filter((dueMs) => dueMs <= nowMs)
          .sort((a, b) => a - b),
      );
    }),
  );
});

test("one timer fires for the earliest entry, also for one that is added later or very far away", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const taken: string[] = [];
  const heap = new DueHeap(
    () => Date.now(),
    () => {
      for (let entry = heap.takeDue(); entry; entry = heap.takeDue()) taken.push(entry.id);
    },
  );
  const farMs = 2 ** 32;
  for (const [index, dueMs] of [farMs, 500, 100].entries()) heap.add(entryAt(dueMs, index));
  t.mock.timers.tick(99);
  assert.deepEqual(taken, []);
  t.mock.timers.tick(1);
  assert.deepEqual(taken, ["2"]);
  t.mock.timers.tick(400);
  assert.deepEqual(taken, ["2", "1"]);
  t.mock.timers.tick(2 ** 31);
  assert.deepEqual(taken, ["2", "1"]);
  t.mock.timers.tick(2 ** 31);
  assert.deepEqual(taken, ["2", "1", "0"]);
});
