import assert from "node:assert/strict";
import { test } from "node:test";
import { accessLineOf } from "./access-line.ts";
import type { FinishedCall } from "./access-log.ts";

const lineOf = (target: string) =>
  accessLineOf(
    {
      request: { method: "GET" },
      requestId: "r1",
      target,
      status: 200,
      cold: false,
      servedBy: undefined,
    } as FinishedCall,
    1.5,
    1_700_000_000_000,
  );

test("a line has the path without the query string", () => {
  assert.equal(lineOf("/a/b?secret=1"), "1700000000000\t200\t1500\t0\t\t\tGET\tr1\t/a/b\n");
});

test("a long path is cut", () => {
  assert.match(lineOf(`/${"a".repeat(600)}`), /\t\/a{511}\.\.\.\n$/);
});

test("bytes of a path that are not visible ASCII are percent-encoded", () => {
  assert.match(lineOf(Buffer.from("/é/%C3%A9\tx").toString("latin1")), /\t\/%C3%A9\/%C3%A9%09x\n$/);
});
