import assert from "node:assert/strict";
import { test } from "node:test";
import { RateMeter } from "./rate-meter.ts";

test("returns the average over the last ten whole seconds", () => {
  const meter = new RateMeter();
  for (let ms = 100_000; ms < 120_000; ms += 100) meter.count(ms);
  assert.equal(meter.perSecond(120_000), 10);
  assert.equal(meter.perSecond(125_500), 5);
  assert.equal(meter.perSecond(131_000), 0);
  meter.count(500_000);
  assert.equal(meter.perSecond(501_000), 0.1);
});
