import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { poolSize, UNUSED_MS, type VariantUse } from "./pool-size.ts";

const NOW = 1_000_000_000;

const use = (org: string, usedMs?: number, demands: VariantUse["demands"] = []): VariantUse => ({
  variant: { org },
  demands,
  ...(usedMs === undefined ? {} : { usedMs }),
});

const sizeOf = (each: VariantUse, size = 1) => poolSize(each, { sizeOf: () => size, nowMs: NOW });

describe("the number of warm pods of a variant", () => {
  test("is zero before its first use", () => {
    assert.equal(sizeOf(use("acme")), 0);
  });

  test("is the configured one for a day after a use", () => {
    assert.equal(sizeOf(use("acme", NOW - UNUSED_MS + 1), 2), 2);
    assert.equal(sizeOf(use("acme", NOW - UNUSED_MS), 2), 0);
  });

  test("grows with the demands within five seconds", () => {
    const demands = [0, 2_000, 4_000, 20_000].map((atMs) => ({ atMs: NOW - 60_000 + atMs, count: 1 }));
    assert.equal(sizeOf(use("acme", NOW, demands)), 3);
  });

  test("is at most four times the configured one", () => {
    assert.equal(sizeOf(use("acme", NOW, [{ atMs: NOW, count: 50 }]), 2), 8);
  });

  test("forgets demands after an hour", () => {
    const old = use("acme", NOW, [{ atMs: NOW - 3_600_000, count: 4 }]);
    assert.equal(sizeOf(old), 1);
    assert.deepEqual(old.demands, []);
  });

  test("is that of the organization", () => {
    const options = { sizeOf: (org: string) => (org === "acme" ? 0 : 3), nowMs: NOW };
    assert.equal(poolSize(use("acme", NOW), options), 0);
    assert.equal(poolSize(use("globex", NOW), options), 3);
  });
});
