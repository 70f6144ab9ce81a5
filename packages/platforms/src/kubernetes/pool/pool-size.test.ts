import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { poolSizes, UNUSED_MS, type VariantUse } from "./pool-size.ts";

const NOW = 1_000_000_000;

const use = (org: string, usedMs?: number, demands: VariantUse["demands"] = []): VariantUse => ({
  variant: { org },
  demands,
  ...(usedMs === undefined ? {} : { usedMs }),
});

const sizesOf = (uses: readonly VariantUse[], limits: Record<string, number> = {}, size = 1) => {
  const sizes = poolSizes(uses, { size, limits: new Map(Object.entries(limits)), nowMs: NOW });
  return uses.map((each) => sizes.get(each));
};

describe("the number of warm pods of a variant", () => {
  test("is none before its first use", () => {
    assert.deepEqual(sizesOf([use("acme")]), [0]);
  });

  test("is the configured one for a day after a use", () => {
    assert.deepEqual(sizesOf([use("acme", NOW - UNUSED_MS + 1), use("acme", NOW - UNUSED_MS)], {}, 2), [2, 0]);
  });

  test("grows with the demands within five seconds", () => {
    const demands = [0, 2_000, 4_000, 20_000].map((atMs) => ({ atMs: NOW - 60_000 + atMs, count: 1 }));
    assert.deepEqual(sizesOf([use("acme", NOW, demands)]), [3]);
  });

  test("is at most four times the configured one", () => {
    assert.deepEqual(sizesOf([use("acme", NOW, [{ atMs: NOW, count: 50 }])], {}, 2), [8]);
  });

  test("forgets demands after an hour", () => {
    const old = use("acme", NOW, [{ atMs: NOW - 3_600_000, count: 4 }]);
    assert.deepEqual(sizesOf([old]), [1]);
    assert.deepEqual(old.demands, []);
  });

  test("is bounded by the organization's limit, for which the latest use comes first", () => {
    const uses = [use("acme", NOW - 2), use("acme", NOW - 1), use("acme", NOW), use("globex", NOW)];
    assert.deepEqual(sizesOf(uses, { acme: 2 }), [0, 1, 1, 1]);
  });

  test("is none with a limit of none", () => {
    assert.deepEqual(sizesOf([use("acme", NOW)], { acme: 0 }), [0]);
  });
});
