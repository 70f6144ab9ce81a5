import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asyncPolicy, FaasError, toProblem } from "@faas/core";
import type { DeliveryResponse } from "@faas/gateway";
import { decideOutcome } from "./decide-outcome.ts";
import { parseNote } from "./delivery-note.ts";

const NOW = Date.UTC(2026, 0, 1);
const policy = asyncPolicy({ attempts: 3, backoff: "1s", maxBackoff: "3s" });
const call = { method: "POST", target: "/a" };

function decide(response: Partial<DeliveryResponse>, attempt = 1, random = 1, rules = policy) {
  const whole = { status: 200, from: "function", headers: [], body: Buffer.from("ok"), bytes: 2, ...response } as const;
  const delivery = { response: whole, call, attempt, requestId: "r", startedMs: NOW - 5, endedMs: NOW };
  return decideOutcome(delivery, rules, () => random);
}

const problem = (code: ConstructorParameters<typeof FaasError>[0]): Partial<DeliveryResponse> => ({
  from: "gateway",
  status: 503,
  body: Buffer.from(JSON.stringify(toProblem(new FaasError(code, "reason")))),
});

describe("a response of the function", () => {
  for (const status of [200, 204, 302, 404, 422])
    test(`with ${status} is the result of the call`, () => {
      const outcome = decide({ status });
      assert.ok(outcome.type === "done");
      assert.equal(outcome.keepMs, 86_400_000);
      const { note, body } = parseNote(outcome.note as Buffer);
      assert.deepEqual([note.status, note.durationMs, note.call, body.toString()], [status, 5, call, "ok"]);
    });

  for (const status of [408, 425, 429, 500, 503])
    test(`with ${status} is tried again`, () => {
      assert.equal(decide({ status }).type, "retry");
    });

  test("counts as a failure by the endpoint's own list", () => {
    const rules = asyncPolicy({ failures: "404" });
    assert.equal(decide({ status: 404 }, 1, 1, rules).type, "retry");
    assert.equal(decide({ status: 500 }, 1, 1, rules).type, "done");
  });

  test("that is a failure at the last attempt ends the call, and is kept", () => {
    const outcome = decide({ status: 500 }, 3);
    assert.ok(outcome.type === "dead");
    const { note, body } = parseNote(outcome.note as Buffer);
    assert.deepEqual([note.status, body.toString()], [500, "ok"]);
  });
});

describe("the wait before the next attempt", () => {
  const waitOf = (response: Partial<DeliveryResponse>, attempt = 1, random = 1) => {
    const outcome = decide({ status: 500, ...response }, attempt, random);
    assert.ok(outcome.type === "retry");
    return outcome.dueMs - NOW;
  };

  test("doubles up to the longest, and half of it is random", () => {
    assert.deepEqual([waitOf({}, 1), waitOf({}, 2), waitOf({}, 1, 0)], [1_000, 2_000, 500]);
    const outcome = decide({ status: 500 }, 3, 1, asyncPolicy({ attempts: 9, maxBackoff: "3s" }));
    assert.ok(outcome.type === "retry");
    assert.equal(outcome.dueMs - NOW, 3_000);
  });

  for (const [value, ms] of [
    ["7", 7_000],
    [new Date(NOW + 9_000).toUTCString(), 9_000],
    ["soon", 1_000],
    ["-5", 1_000],
    ["99999999", 86_400_000],
  ] as const)
    test(`is at least that of the function: Retry-After: ${value}`, () => {
      assert.equal(waitOf({ headers: [["Retry-After", value]] }), ms);
    });
});

describe("a delivery without a response of the function", () => {
  test("is tried again, and its reason is kept", () => {
    const outcome = decide(problem("REPLICA_FAILED"));
    assert.ok(outcome.type === "retry" && outcome.note !== undefined);
    assert.deepEqual(outcome.isUncounted ?? false, false);
    const { note } = parseNote(outcome.note as Buffer);
    assert.deepEqual([note.code, note.detail, note.status], ["REPLICA_FAILED", "reason", undefined]);
  });

  for (const code of ["RATE_LIMITED", "CONCURRENCY_LIMITED", "NO_CAPACITY", "SERVER_STOPPING"] as const)
    test(`does not count where there was no room: ${code}`, () => {
      const outcome = decide(problem(code), 3);
      assert.ok(outcome.type === "retry" && outcome.isUncounted);
    });

  for (const code of ["ENDPOINT_NOT_FOUND", "ORG_NOT_FOUND", "REVISION_NOT_FOUND"] as const)
    test(`ends the call where no attempt can succeed: ${code}`, () => {
      assert.equal(decide(problem(code)).type, "dead");
    });

  test("does not count when it was aborted", () => {
    const outcome = decide({ from: "gateway", status: 499, body: Buffer.alloc(0) }, 3);
    assert.ok(outcome.type === "retry" && outcome.isUncounted);
  });

  test("is a failure when the response ended early", () => {
    const outcome = decide({ from: "broken", status: 499 }, 3);
    assert.ok(outcome.type === "dead");
    assert.equal(parseNote(outcome.note as Buffer).note.code, "REPLICA_FAILED");
  });
});
