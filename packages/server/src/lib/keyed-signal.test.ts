import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { KeyedSignal } from "./keyed-signal.ts";

test("a notification wakes every waiter of its key, once, and nobody else", async () => {
  const signal = new KeyedSignal();
  const never = new AbortController();
  const woken: string[] = [];
  const wait = (key: string, name: string) => signal.next(key, never.signal).then(() => woken.push(name));
  const both = [wait("a", "one"), wait("a", "two")];
  const other = wait("b", "other");
  signal.notify("a");
  await Promise.all(both);
  assert.deepEqual(woken, ["one", "two"]);
  signal.notify("b");
  await other;
  assert.equal(getEventListeners(never.signal, "abort").length, 0);
});

test("an abort rejects with its reason, and leaves nothing behind", async () => {
  const signal = new KeyedSignal();
  const aborting = new AbortController();
  const waiting = signal.next("a", aborting.signal);
  aborting.abort(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  await assert.rejects(signal.next("a", aborting.signal), /gone/);
  assert.equal(signal.size, 0);
});
