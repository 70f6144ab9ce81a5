import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayInfo } from "@faas/core";
import { gatewayCheck } from "./gateways.ts";

const gateway = (name: string, more: Partial<GatewayInfo> = {}): GatewayInfo => ({
  ...{ name, version: "1.2.3", pid: 1, state: "linked", viewAgeMs: 0, inFlight: 0, waiting: 0 },
  ...more,
});

test("gatewayCheck is satisfied with current views of the same version", () => {
  assert.deepEqual(gatewayCheck([gateway("a"), gateway("b", { viewAgeMs: 100 })], "1.2.3"), {
    name: "gateways",
    status: "ok",
    found: "2 gateways, version 1.2.3, all views current",
  });
});

test("gatewayCheck names the gateways that are lost, late or of another version", () => {
  const gateways = [
    gateway("a", { state: "lost" }),
    gateway("b", { viewAgeMs: 61_000 }),
    gateway("c", { version: "1.2.2" }),
    gateway("d"),
  ];
  const { status, found } = gatewayCheck(gateways, "1.2.3");
  assert.equal(status, "warning");
  assert.equal(
    found,
    "4 gateways: a has no link to the control server; b has a view that is 61 s old; c has version 1.2.2",
  );
});
