import assert from "node:assert/strict";
import { test } from "node:test";
import { ReapplyBackoff } from "./force-apply.ts";

test("the backoff grows with each change of an object, and is reset after a time without changes", () => {
  const backoff = new ReapplyBackoff();
  let now = 1_000_000_000;
  const waits: number[] = [];
  for (let change = 0; change < 12; change++) {
    const wait = backoff.next("Deployment acme/x", now);
    waits.push(wait);
    now += wait;
  }
  assert.deepEqual(waits.slice(0, 5), [0, 1_000, 2_000, 4_000, 8_000]);
  assert.equal(waits.at(-1), 300_000);
  assert.equal(backoff.next("Deployment acme/y", now), 0);
  assert.equal(backoff.next("Deployment acme/x", now + 600_001), 0);
});
