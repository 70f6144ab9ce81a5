import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentCalls } from "./recent-calls.ts";

const HOUR_MS = 3_600_000;

/** Formats the access line of a call. */
const lineOf = (id: string, { status = 200, durationMs = 5, nowMs = 1 } = {}) =>
  `${nowMs}\t${status}\t${durationMs * 1000}\t0\tx-1\tv1\tGET\t${id}\t/\n`;

function record(calls: RecentCalls, id: string, of: { status?: number; durationMs?: number; nowMs?: number } = {}) {
  const { status = 200, durationMs = 5, nowMs = 1 } = of;
  calls.record({ key: "acme/x", text: lineOf(id, of), status, durationMs, endedMs: nowMs });
}

const idsOf = (lines: readonly string[]) => lines.map((line) => line.split("\t")[8]);

test("calls are found by their request id, the newest first, once each", () => {
  const calls = new RecentCalls();
  record(calls, "one");
  record(calls, "two", { status: 503, durationMs: 90 });
  record(calls, "two", { status: 200, nowMs: 2 });
  assert.deepEqual(calls.find("one"), [`acme/x\t${lineOf("one").trimEnd()}`]);
  assert.deepEqual(
    calls.find("two").map((line) => line.split("\t")[2]),
    ["200", "503"],
  );
  assert.deepEqual(calls.find("tw"), []);
});

test("the failed and the slowest calls are kept when many others have followed", () => {
  const calls = new RecentCalls();
  record(calls, "failed", { status: 502 });
  record(calls, "slow", { durationMs: 900 });
  record(calls, "websocket", { status: 101, durationMs: 90_000 });
  for (let i = 0; i < 20_000; i++) record(calls, `id-${i}`);
  assert.deepEqual(idsOf(calls.list("failed")), ["failed"]);
  assert.equal(idsOf(calls.list("slowest"))[0], "slow");
  assert.equal(calls.list("slowest").length, 100);
  assert.equal(idsOf(calls.list("last"))[0], "id-19999");
  assert.equal(calls.find("failed").length, 1);
  assert.equal(calls.find("slow").length, 1);
  // The last ones, as far as they fit into 512 KiB.
  assert.ok(calls.list("last").length > 5_000 && calls.list("last").length < 12_000, `${calls.list("last").length}`);
});

test("a slow call is among the slowest for an hour", () => {
  const calls = new RecentCalls();
  for (let i = 0; i < 100; i++) record(calls, `old-${i}`, { durationMs: 900, nowMs: 1 });
  record(calls, "fast", { durationMs: 5, nowMs: HOUR_MS / 2 });
  assert.ok(!idsOf(calls.list("slowest")).includes("fast"));
  record(calls, "later", { durationMs: 5, nowMs: HOUR_MS + 2 });
  assert.deepEqual(idsOf(calls.list("slowest")), ["later"]);
});

test("lines of a gateway in another process are kept like those of this one", () => {
  const calls = new RecentCalls();
  calls.append("acme/x", `${lineOf("one", { status: 500 })}${lineOf("two", { durationMs: 700 })}`);
  assert.deepEqual(idsOf(calls.list("last")), ["two", "one"]);
  assert.deepEqual(idsOf(calls.list("failed")), ["one"]);
  assert.equal(idsOf(calls.list("slowest"))[0], "two");
});
