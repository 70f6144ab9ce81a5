import assert from "node:assert/strict";
import { test } from "node:test";
import { ReapplyBackoff } from "./force-apply.ts";

test("who changes an object again and again is answered ever more slowly, until it was left in peace", () => {
  const pace = new ReapplyBackoff();
  let now = 1_000_000_000;
  const waits: number[] = [];
  for (let time = 0; time < 12; time++) {
    const wait = pace.next("Deployment acme/x", now);
    waits.push(wait);
    now += wait;
  }
  assert.deepEqual(waits.slice(0, 5), [0, 1_000, 2_000, 4_000, 8_000]);
  assert.equal(waits.at(-1), 300_000);
  assert.equal(pace.next("Deployment acme/y", now), 0);
  assert.equal(pace.next("Deployment acme/x", now + 600_001), 0);
});
