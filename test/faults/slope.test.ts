import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "@faas/testing";
import { grows, slopeOf } from "./slope.ts";

const slopeFor = (y: (x: number) => number) => slopeOf(Array.from({ length: 40 }, (_, x) => [x, y(x)] as const));

test("slopeOf fits a line", () => {
  const points = [
    [0, 1],
    [1, 3],
    [2, 5],
  ] as const;
  assert.deepEqual(slopeOf(points), { perX: 2, error: 0, growth: 4 });
});

test("grows finds a trend in noise, and ignores noise, level lines and small growth", () => {
  const random = seeded(1);
  assert.equal(
    grows(
      slopeFor((x) => 100 + 0.5 * x + 10 * random()),
      1,
    ),
    true,
  );
  assert.equal(
    grows(
      slopeFor(() => 100 + 10 * random()),
      1,
    ),
    false,
  );
  assert.equal(
    grows(
      slopeFor(() => 100),
      1,
    ),
    false,
  );
  assert.equal(
    grows(
      slopeFor((x) => 100 + 0.01 * x),
      1,
    ),
    false,
  );
});
