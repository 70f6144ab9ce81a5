import assert from "node:assert/strict";
import { test } from "node:test";
import type { FinishedCall, LoggedCall } from "./access-log.ts";
import { CallBatch } from "./call-batch.ts";

const call = (requestId: string, arrived = 5): FinishedCall => ({
  endpoint: { key: "acme/x" } as FinishedCall["endpoint"],
  ...{ request: { method: "PUT" }, requestId, target: "/a", status: 201, cold: true },
  servedBy: { id: "x-1", revision: "v1" },
  ...{ arrived, waitedMs: 4, coldMs: 3, lostMs: 2, headMs: 1, trace: { traceId: "abc" } },
});

function setUp(onFirst?: () => void) {
  const logged: LoggedCall[] = [];
  const batch = new CallBatch((each) => void logged.push({ ...each, request: { ...each.request } }), onFirst);
  return { logged, batch, ids: () => logged.map(({ requestId }) => requestId) };
}

test("a call is logged with everything that is known of it", () => {
  const { logged, batch } = setUp();
  batch.add(call("one"), 7.5);
  batch.flush();
  const [{ endedMs, ...rest } = assert.fail()] = logged;
  assert.ok(endedMs > 0);
  assert.deepEqual(rest, { ...call("one"), durationMs: 7.5 });
});

test("the end of a call is a time of the system's clock", () => {
  const { logged, batch } = setUp();
  const before = Date.now();
  batch.add(call("one", performance.now() - 50), 50);
  batch.flush();
  const endedMs = logged[0]?.endedMs ?? 0;
  assert.ok(Number.isInteger(endedMs) && endedMs >= before - 1 && endedMs <= Date.now() + 1, `${endedMs}`);
});

test("a call of a variant is logged as one of its endpoint", () => {
  const { logged, batch } = setUp();
  const main = { key: "acme/main" } as FinishedCall["endpoint"];
  batch.add({ ...call("one"), main }, 1);
  batch.flush();
  assert.equal(logged[0]?.endpoint, main);
});

test("calls wait until they are needed, or until there are many, and are logged once, in their order", () => {
  let firsts = 0;
  const { batch, ids } = setUp(() => firsts++);
  batch.add(call("first"), 1);
  batch.add(call("second"), 1);
  assert.deepEqual([ids(), firsts], [[], 1]);
  batch.flush();
  batch.flush();
  assert.deepEqual(ids(), ["first", "second"]);
  const added = Array.from({ length: 300 }, (_, number) => `id-${number}`);
  for (const id of added) batch.add(call(id), 1);
  assert.ok(ids().length > 200 && ids().length < 302, `${ids().length}`);
  batch.flush();
  assert.deepEqual(ids().slice(2), added);
});

test("no call waits while each is wanted at once", () => {
  const { batch, ids } = setUp();
  batch.add(call("waits"), 1);
  batch.waits = false;
  assert.deepEqual(ids(), ["waits"]);
  batch.add(call("at once"), 1);
  assert.deepEqual(ids(), ["waits", "at once"]);
});
