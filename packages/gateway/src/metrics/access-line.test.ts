import assert from "node:assert/strict";
import { test } from "node:test";
import { AccessLine } from "./access-line.ts";
import type { FinishedCall } from "./access-log.ts";

const lineOf = (target: string) =>
  new AccessLine(
    {
      endpoint: { key: "acme/x" },
      request: { method: "GET" },
      requestId: "r1",
      target,
      status: 200,
      cold: false,
      servedBy: undefined,
      ...{ waitedMs: 0, coldMs: 0, lostMs: 0, headMs: 0, trace: undefined },
    } as FinishedCall,
    1.5,
    1_700_000_000_000,
  ).text;

test("a line has the path without the query string", () => {
  assert.equal(lineOf("/a/b?secret=1"), "1700000000000\t200\t1500\t0\t\t\tGET\tr1\t/a/b\n");
});

test("a long path is cut", () => {
  assert.match(lineOf(`/${"a".repeat(600)}`), /\t\/a{511}\.\.\.\n$/);
});

const CALL: FinishedCall = {
  endpoint: { key: "acme/x" } as FinishedCall["endpoint"],
  ...{ request: { method: "GET" }, requestId: "one", target: "/a?b", status: 200, cold: false },
  servedBy: { id: "x-1", revision: "v1" },
  ...{ waitedMs: 0, coldMs: 0, lostMs: 0, headMs: 4.9, trace: undefined },
};

const lineOfCall = (more: Partial<FinishedCall>, gateway?: string) =>
  new AccessLine({ ...CALL, ...more }, 5, 7, gateway).text;

const LINE = "7\t200\t5000\t0\tx-1\tv1\tGET\tone\t/a";

test("the line of a usual call has no times", () => {
  assert.equal(lineOfCall({}), `${LINE}\n`);
  assert.equal(lineOfCall({}, "gw-1"), `${LINE}\tgw-1\n`);
});

test("the times of a call that waited, was repeated, is traced or had a long body are in a field after the gateway's name", () => {
  for (const [more, times] of [
    [{ waitedMs: 3, coldMs: 2 }, "1000,2000,0,4900"],
    [{ lostMs: 1 }, "0,0,1000,4900"],
    [{ headMs: 2 }, "0,0,0,2000"],
    [{ trace: { traceId: "abc" } }, "0,0,0,4900,abc"],
  ] as const) {
    assert.equal(lineOfCall(more), `${LINE}\t\t${times}\n`);
    assert.equal(lineOfCall(more, "gw-1"), `${LINE}\tgw-1\t${times}\n`);
  }
});
