import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "./simulate.ts";

// A few seeds; `npm run simulate` runs as many as are wanted, and .ci/run thousands.

const SEEDS = Array.from({ length: 8 }, (_, index) => index + 1);

test("a call waits for milliseconds at most while another gateway has a free slot", () => {
  for (const seed of SEEDS) assert.ok(simulate(seed, "none").gapP99Ms < 20, `seed ${seed}`);
});

test("gateways exceed no limit while some of them crash, join, leave or lose connections", () => {
  for (const seed of SEEDS) simulate(seed, "crash");
});

test("gateways that were taken for gone come back, and no slot is lost", () => {
  for (const seed of SEEDS) simulate(seed, "silence");
});

test("a seed determines the simulation", () => {
  assert.deepEqual(simulate(4, "crash"), simulate(4, "crash"));
});
