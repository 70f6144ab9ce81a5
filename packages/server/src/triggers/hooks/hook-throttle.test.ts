import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RetryLaterError } from "@faas/gateway";
import { HookThrottle } from "./hook-throttle.ts";

const HOOK = "acme/code";

/** Sends unverified requests until one is rejected; returns how many were not. */
function failuresUntilLimited(throttle: HookThrottle, addressOf: (index: number) => string, nowMs: number): number {
  for (let count = 0; count < 1_000; count++) {
    try {
      throttle.check(HOOK, addressOf(count), nowMs);
    } catch (error) {
      assert.ok(error instanceof RetryLaterError);
      assert.deepEqual([error.code, error.status, error.headers], ["HOOK_LIMITED", 429, { "Retry-After": "1" }]);
      return count;
    }
    throttle.failed(HOOK, addressOf(count), nowMs);
  }
  return Number.POSITIVE_INFINITY;
}

describe("unverified requests to a webhook", () => {
  test("from one address are limited, while other addresses and hooks are not", () => {
    const throttle = new HookThrottle();
    assert.equal(
      failuresUntilLimited(throttle, () => "192.0.2.1", 0),
      20,
    );
    throttle.check(HOOK, "192.0.2.2", 0);
    throttle.check("acme/other", "192.0.2.1", 0);
    throttle.check("other/code", "192.0.2.1", 0);
  });

  test("from an address with verified requests are not limited, because the sender may be behind the same proxy", () => {
    const throttle = new HookThrottle();
    throttle.verified(HOOK, "192.0.2.1", 0);
    const day = 24 * 60 * 60_000;
    const unlimited = failuresUntilLimited(throttle, () => "192.0.2.1", day - 1);
    assert.equal(unlimited, Number.POSITIVE_INFINITY);
    assert.throws(() => throttle.check(HOOK, "192.0.2.1", day), { code: "HOOK_LIMITED" });
  });

  test("from thousands of addresses do not end the trust in an address with verified requests", () => {
    const throttle = new HookThrottle();
    throttle.verified(HOOK, "2001:db8::1", 0);
    failuresUntilLimited(throttle, () => "2001:db8::1", 0);
    for (let index = 0; index < 3_000; index++) throttle.failed(HOOK, `192.0.${index >> 8}.${index & 255}`, 0);
    throttle.check(HOOK, "2001:db8::1", 0);
  });

  test("are admitted again after a second, one at a time", () => {
    const throttle = new HookThrottle();
    failuresUntilLimited(throttle, () => "192.0.2.1", 0);
    assert.equal(
      failuresUntilLimited(throttle, () => "192.0.2.1", 1_000),
      1,
    );
    assert.equal(
      failuresUntilLimited(throttle, () => "192.0.2.1", 60_000),
      20,
    );
  });

  test("that were verified at the same time delay the next one no longer than a single one", () => {
    const throttle = new HookThrottle();
    for (let count = 0; count < 150; count++) throttle.failed(HOOK, "192.0.2.1", 0);
    throttle.check(HOOK, "192.0.2.1", 1_000);
  });

  test("from one IPv6 network count together, however their addresses are written", () => {
    const throttle = new HookThrottle();
    const addresses = ["2001:db8::1", "2001:db8:0:0:1:2:3:4", "2001:db8::ffff:0:1"];
    assert.equal(
      failuresUntilLimited(throttle, (index) => addresses[index % 3] as string, 0),
      20,
    );
    throttle.check(HOOK, "2001:db8:0:1::1", 0);
  });
});
