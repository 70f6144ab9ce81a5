import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "@faas/testing";
import { WeightedRotation } from "./weighted-rotation.ts";

const CALLS = 10_000;
/** Part of all calls by which a share may be missed. */
const TOLERANCE = 0.01;

test("10,000 calls over one to three gateways are divided by weight to within 1 %", () => {
  const random = seeded(1);
  const splits = [[100], [1, 99], [10, 90], [50, 50], [0.5, 99.5], [33.3, 33.3, 33.4], [5, 15, 80], [97, 1, 1, 1]];
  for (const weights of splits) {
    for (let gateways = 1; gateways <= 3; gateways++) {
      const rotations = Array.from({ length: gateways }, () => new WeightedRotation(weights, random));
      const counts = weights.map(() => 0);
      // As unevenly as clients may choose their gateways.
      for (let call = 0; call < CALLS; call++) {
        const gateway = Math.floor(random() ** 3 * gateways);
        const index = (rotations[gateway] as WeightedRotation).next();
        counts[index] = (counts[index] as number) + 1;
      }
      for (const [index, weight] of weights.entries()) {
        const missed = Math.abs((counts[index] as number) - (CALLS * weight) / 100);
        assert.ok(missed <= CALLS * TOLERANCE, `${weights}, ${gateways} gateways: ${counts}`);
      }
    }
  }
});

test("a short run of calls is exact too: each choice misses its share by at most one call", () => {
  const rotation = new WeightedRotation([10, 90], () => 0.123);
  let rare = 0;
  for (let calls = 1; calls <= 1_000; calls++) {
    if (rotation.next() === 0) rare++;
    assert.ok(Math.abs(rare - calls / 10) <= 1, `${rare} of ${calls}`);
  }
});

test("gateways with few calls each give a rare choice its share, because they begin at different places", () => {
  const random = seeded(2);
  const gateways = 2_000;
  let rare = 0;
  for (let gateway = 0; gateway < gateways; gateway++) if (new WeightedRotation([10, 90], random).next() === 0) rare++;
  assert.ok(Math.abs(rare - gateways / 10) < gateways * 0.03, `${rare} of ${gateways}`);
});
