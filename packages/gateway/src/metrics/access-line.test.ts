import assert from "node:assert/strict";
import { test } from "node:test";
import { AccessLines } from "./access-lines.ts";
import type { LoggedCall } from "./access-log.ts";

const CALL: LoggedCall = {
  endpoint: { key: "acme/x" } as LoggedCall["endpoint"],
  ...{ request: { method: "GET" }, requestId: "one", target: "/a?b", status: 200, cold: false },
  servedBy: { id: "x-1", revision: "v1" },
  ...{ arrived: 0, waitedMs: 0, coldMs: 0, lostMs: 0, headMs: 4.9, trace: undefined, durationMs: 5, endedMs: 7 },
};

function lineOfCall(more: Partial<LoggedCall>, gateway?: string): string {
  const lines = new AccessLines();
  lines.append({ ...CALL, ...more }, gateway);
  return lines.text();
}

const lineOf = (target: string) => lineOfCall({ target });

const LINE = "7\t200\t5000\t0\tx-1\tv1\tGET\tone\t/a";

test("a line has the path without the query string", () => {
  assert.equal(lineOf("/a/b?secret=1"), "7\t200\t5000\t0\tx-1\tv1\tGET\tone\t/a/b\n");
});

test("numbers are whole decimals of any length", () => {
  const lines = new AccessLines();
  lines.append({ ...CALL, status: 504, durationMs: 12_345_678.9004, endedMs: 1_700_000_000_000 });
  lines.append({ ...CALL, durationMs: 0.0004, endedMs: 1_700_000_000_001 });
  const numbers = lines
    .text()
    .split("\n")
    .map((line) => line.split("\t").slice(0, 3));
  assert.deepEqual(numbers.slice(0, 2), [
    ["1700000000000", "504", "12345678900"],
    ["1700000000001", "200", "0"],
  ]);
});

test("many lines are kept one after the other", () => {
  const lines = new AccessLines();
  for (let number = 0; number < 500; number++) lines.append({ ...CALL, requestId: `id-${number}` });
  const ids = lines
    .text()
    .split("\n")
    .map((line) => line.split("\t")[7]);
  assert.deepEqual(
    ids.slice(0, -1),
    Array.from({ length: 500 }, (_, number) => `id-${number}`),
  );
});

test("a long path is cut", () => {
  assert.match(lineOf(`/${"a".repeat(511)}?query`), /\t\/a{511}\n$/);
  assert.match(lineOf(`/${"a".repeat(600)}`), /\t\/a{511}\.\.\.\n$/);
});

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
