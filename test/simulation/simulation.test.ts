import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateControl } from "./control/simulate-control.ts";
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

test("no wake is lost, no busy endpoint is idle, and no call meets a replica that has ended, while everything fails now and then", async () => {
  for (const seed of SEEDS) await simulateControl(seed);
});

test("a seed determines the simulation", async () => {
  assert.deepEqual(simulate(4, "crash"), simulate(4, "crash"));
  assert.equal(await simulateControl(4), await simulateControl(4));
});
