import assert from "node:assert/strict";
import { test } from "node:test";
import { AccessLines, type LoggedCall } from "@faas/gateway";
import { RecentCalls } from "./recent-calls.ts";

const HOUR_MS = 3_600_000;

interface Of {
  readonly status?: number;
  readonly durationMs?: number;
  readonly nowMs?: number;
}

function record(calls: RecentCalls, id: string, { status = 200, durationMs = 5, nowMs = 1 }: Of = {}) {
  const call = callOf(id, { status, durationMs, nowMs });
  calls.keep("acme/x", Buffer.from(lineOf(id, { status, durationMs, nowMs })));
  if (calls.isNotable(call)) calls.note(call);
}

const callOf = (requestId: string, { status = 200, durationMs = 5, nowMs = 1 }: Of): LoggedCall => ({
  endpoint: { key: "acme/x" } as LoggedCall["endpoint"],
  ...{ request: { method: "GET" }, requestId, target: "/", status, cold: false },
  servedBy: { id: "x-1", revision: "v1" },
  ...{ arrived: 0, waitedMs: 0, coldMs: 0, lostMs: 0, headMs: 0, trace: undefined },
  ...{ durationMs, endedMs: nowMs },
});

/** Formats the access line of a call. */
function lineOf(id: string, of: Of = {}): string {
  const lines = new AccessLines();
  lines.append(callOf(id, of));
  return lines.text();
}

const idsOf = (lines: Iterable<string>) => Array.from(lines, (line) => line.split("\t")[8]);

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
  assert.equal(idsOf(calls.list("slowest")).length, 100);
  assert.equal(idsOf(calls.list("last"))[0], "id-19999");
  assert.equal(calls.find("failed").length, 1);
  assert.equal(calls.find("slow").length, 1);
  // The last ones, as far as they fit into 512 KiB.
  const { length } = idsOf(calls.list("last"));
  assert.ok(length > 5_000 && length < 12_000, `${length}`);
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
  const lines = `${lineOf("one", { status: 500 })}${lineOf("two", { durationMs: 700 })}`;
  calls.keep("acme/x", Buffer.from(lines));
  calls.noteLines("acme/x", lines);
  assert.deepEqual(idsOf(calls.list("last")), ["two", "one"]);
  assert.deepEqual(idsOf(calls.list("failed")), ["one"]);
  assert.equal(idsOf(calls.list("slowest"))[0], "two");
});

test("lines are passed on before they are read, and lines of several endpoints keep theirs", () => {
  const calls = new RecentCalls();
  calls.keep("acme/x", Buffer.from(lineOf("one")));
  calls.beforeRead = () => calls.keep("acme/y", Buffer.from(`${lineOf("two")}${lineOf("three")}`));
  const seen = (start?: string) =>
    Array.from(calls.list("last", start), (line) => line.split("\t")).map((fields) => `${fields[0]} ${fields[8]}`);
  assert.deepEqual(seen(), ["acme/y three", "acme/y two", "acme/x one"]);
  calls.beforeRead = () => {};
  assert.deepEqual(seen("acme/y\t"), ["acme/y three", "acme/y two"]);
  assert.deepEqual(seen("acme/"), seen());
  assert.deepEqual(seen("other/"), []);
});

test("the last lines are kept when there are more than fit", () => {
  const calls = new RecentCalls();
  const lines = Array.from({ length: 10_000 }, (_, index) => lineOf(`id-${index}`)).join("");
  calls.keep("acme/x", Buffer.from(lines));
  const ids = idsOf(calls.list("last"));
  assert.equal(ids[0], "id-9999");
  assert.ok(ids.length > 3_000 && ids.length < 10_000, `${ids.length}`);
});
