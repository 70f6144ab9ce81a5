import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TokenBucket } from "./token-bucket.ts";

/** Times at which a token is taken, and the expected results. */
const cases: readonly (readonly [
  what: string,
  perSecond: number,
  burst: number,
  attempts: readonly (readonly [atMs: number, taken: boolean])[],
])[] = [
  [
    "allows its burst at once, and no more",
    10,
    3,
    [
      [0, true],
      [0, true],
      [0, true],
      [0, false],
    ],
  ],
  [
    "refills continuously: half of the time gives half of a token",
    10,
    1,
    [
      [0, true],
      [50, false],
      [99, false],
      [100, true],
      [199, false],
      [200, true],
    ],
  ],
  [
    "spends nothing on a failed attempt",
    1,
    1,
    [
      [0, true],
      [999, false],
      [1000, true],
    ],
  ],
  [
    "saves at most its burst in a long pause",
    10,
    2,
    [
      [0, true],
      [0, true],
      [3_600_000, true],
      [3_600_000, true],
      [3_600_000, false],
    ],
  ],
  [
    "supports less than one token per second",
    0.1,
    1,
    [
      [0, true],
      [9_999, false],
      [10_000, true],
    ],
  ],
  [
    "refills nothing when the clock goes back",
    10,
    1,
    [
      [1000, true],
      [0, false],
      [1099, false],
      [1100, true],
    ],
  ],
];

for (const [what, perSecond, burst, attempts] of cases) {
  test(what, () => {
    const bucket = new TokenBucket(perSecond, burst, attempts[0]?.[0] ?? 0);
    for (const [index, [atMs, taken]] of attempts.entries()) assert.equal(bucket.take(atMs), taken, `attempt ${index}`);
  });
}

test("returns the time until the next token", () => {
  const bucket = new TokenBucket(4, 1, 0);
  assert.equal(bucket.waitMs(0), 0);
  bucket.take(0);
  assert.equal(bucket.waitMs(0), 250);
  assert.equal(bucket.waitMs(200), 50);
  assert.equal(bucket.take(250), true);
});

test("never exceeds its burst and its rate, and has a token after the time it returns", () => {
  const steps = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 50 }), steps, (perSecond, burst, all) => {
      const bucket = new TokenBucket(perSecond, burst, 0);
      let now = 0;
      let passed = 0;
      for (const step of all) {
        now += step;
        if (bucket.take(now)) passed++;
      }
      assert.ok(passed <= burst + (now / 1000) * perSecond + 1e-6, `${passed} in ${now} ms`);
      const then = now + bucket.waitMs(now);
      assert.equal(bucket.take(then), true);
    }),
  );
});
