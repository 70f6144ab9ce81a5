import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointLog } from "@faas/core";
import { LogPosition } from "./log-position.ts";

const storeWith = (...times: readonly string[]) =>
  ({
    async *read() {
      for (const time of times) yield { time };
    },
  }) as unknown as EndpointLog;

test("an empty store leads to the start of the log", async () => {
  const position = await LogPosition.find(storeWith(), "a");
  assert.deepEqual(position.query, {});
  assert.equal(position.advance("2026-01-01T00:00:00.123456789Z"), "2026-01-01T00:00:00.123Z");
  assert.deepEqual(position.query, { sinceTime: "2026-01-01T00:00:00Z" });
});

test("lines that this process has copied are skipped, by their nanoseconds", async () => {
  const position = await LogPosition.find(storeWith(), "a");
  const first = "2026-01-01T00:00:00.000000001Z";
  assert.ok(position.advance(first));
  assert.equal(position.advance(first), undefined);
  assert.ok(position.advance("2026-01-01T00:00:00.000000002Z"));
});

test("lines that a previous process has copied are skipped, and as many with the last millisecond as are stored", async () => {
  const last = "2026-01-01T00:00:01.500Z";
  const position = await LogPosition.find(storeWith("2026-01-01T00:00:01.000Z", last, last), "a");
  assert.deepEqual(position.query, { sinceTime: "2026-01-01T00:00:01Z" });
  const times = ["01.000000001", "01.500000001", "01.500000002", "01.500000003", "01.600000000"];
  const copied = times.filter((seconds) => position.advance(`2026-01-01T00:00:${seconds}Z`) !== undefined);
  assert.deepEqual(copied, ["01.500000003", "01.600000000"]);
});
