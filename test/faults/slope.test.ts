import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "@faas/testing";
import { grows, slopeOf } from "./slope.ts";

test("what grows is told from what only goes up and down", () => {
  const random = seeded(1);
  const of = (y: (x: number) => number) => slopeOf(Array.from({ length: 40 }, (_, x) => [x, y(x)] as const));
  assert.deepEqual(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
    { perX: 2, error: 0, growth: 4 },
  );
  assert.equal(
    grows(
      of(() => 100),
      1,
    ),
    false,
  );
  assert.equal(
    grows(
      of(() => 100 + 10 * random()),
      1,
    ),
    false,
  );
  assert.equal(
    grows(
      of((x) => 100 + 0.5 * x + 10 * random()),
      1,
    ),
    true,
  );
  assert.equal(
    grows(
      of((x) => 100 + 0.01 * x),
      1,
    ),
    false,
  );
});
