import assert from "node:assert/strict";
import { test } from "node:test";
import { RestartBackoff } from "./restart-backoff.ts";

test("a process that ends again and again is restarted at growing intervals, of at most 5 s", () => {
  const backoff = new RestartBackoff();
  const delays = Array.from({ length: 9 }, () => backoff.next(1));
  assert.deepEqual(delays, [0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
});

test("a process that ran for long is restarted at once", () => {
  const backoff = new RestartBackoff();
  for (let i = 0; i < 5; i++) backoff.next(1);
  assert.equal(backoff.next(60_000), 0);
  assert.equal(backoff.next(1), 100);
});
