import assert from "node:assert/strict";
import { test } from "node:test";
import type { AsyncCall } from "@faas/core";
import { callTable, describeCall, formatState } from "./format-call.ts";

const NOW = Date.parse("2026-05-01T12:00:00Z");
const delivery = { startedAt: "2026-05-01T11:59:00.000Z", durationMs: 12.34, requestId: "r-1" };
const failedDelivery = { ...delivery, status: 503, code: "FUNCTION_ERROR", detail: "no database" };
const waiting: AsyncCall = {
  ...{ id: "0197", org: "acme", endpoint: "hello", state: "waiting", method: "POST", path: "/items?x=1" },
  ...{ acceptedAt: "2026-05-01T11:58:00.000Z", attempts: 0, deliveries: [] },
};

for (const [call, expected] of [
  [{}, "waiting for delivery 1"],
  [
    { attempts: 1, deliveries: [failedDelivery], nextDeliveryAt: "2026-05-01T12:00:04.500Z" },
    "waiting for delivery 2 in 4s, after 503 (FUNCTION_ERROR): no database",
  ],
  // After a retry by hand, earlier deliveries do not count.
  [{ deliveries: [failedDelivery] }, "waiting for delivery 1"],
  [{ state: "running", attempts: 2, deliveries: [failedDelivery] }, "running, delivery 2"],
  [
    { state: "completed", attempts: 1, deliveries: [{ ...delivery, status: 200 }] },
    "completed with 200 after 1 delivery",
  ],
  [
    { state: "failed", attempts: 2, deliveries: [failedDelivery, { ...delivery, detail: "too late" }] },
    "failed after 2 deliveries, the last with no response: too late",
  ],
] as const satisfies readonly (readonly [Partial<AsyncCall>, string])[])
  test(`state of a call: ${expected}`, () => {
    assert.equal(formatState({ ...waiting, ...call }, NOW), expected);
  });

test("a list has names that other commands take, and the time left", () => {
  const failed = { ...waiting, state: "failed", attempts: 5, keptUntil: "2026-05-02T11:00:00Z" } as const;
  const calls = [{ ...waiting, attempts: 1, nextDeliveryAt: "2026-05-01T12:05:00Z" }, failed];
  assert.deepEqual(
    callTable(calls, NOW)
      .split("\n")
      .map((line) => line.split(/\s{2,}/)),
    [
      ["CALL", "ENDPOINT", "STATE", "ATTEMPTS", "AGE", "NEXT IN", "KEPT FOR"],
      ["acme/0197", "hello", "waiting", "1", "2m", "5m", "-"],
      ["acme/0197", "hello", "failed", "5", "2m", "-", "23h"],
      [""],
    ],
  );
});

test("a call is shown with its request, the response and each delivery", () => {
  const call: AsyncCall = {
    ...waiting,
    ...{ state: "failed", attempts: 1, deliveries: [failedDelivery] },
    response: { status: 503, bytes: 2048, truncated: true },
    destination: { to: "alerts", call: "0198" },
  };
  const text = describeCall(call, NOW);
  assert.match(text, /^request +POST \/items\?x=1$/m);
  assert.match(text, /^revision +the one that serves at delivery$/m);
  assert.match(text, /^response +503, 2 KiB, the end is missing$/m);
  assert.match(text, /^passed on +to alerts: acme\/0198$/m);
  const destination = { to: "alerts", code: "LOOP_DETECTED", detail: "a loop" };
  assert.match(describeCall({ ...call, destination }, NOW), /^passed on +not to alerts: a loop \(LOOP_DETECTED\)$/m);
  assert.match(text, /^2026-05-01T11:59:00.000Z +12\.3 +503 +r-1 +FUNCTION_ERROR: no database$/m);
});
