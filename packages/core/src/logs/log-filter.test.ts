import assert from "node:assert/strict";
import { test } from "node:test";
import { isStatusList, lineMatcher } from "./log-filter.ts";
import type { LogLine } from "./log-line.ts";

const base = { time: "2026-01-01T00:00:00.000Z", replica: "r1", revision: "v" };
const printed: LogLine = { ...base, stream: "stdout", line: "Got One", requestId: "a" };
const call = (status: number): LogLine => ({
  ...{ ...base, stream: "access", line: `GET /items ${status} 1 ms b`, requestId: "b" },
  access: { method: "GET", path: "/items", status, durationMs: 1, cold: false },
});

test("a line has to meet all conditions", () => {
  assert.ok(lineMatcher({})(printed));
  assert.ok(lineMatcher({ grep: "got", requestId: "a", level: "info" })(printed));
  assert.ok(!lineMatcher({ grep: "got", requestId: "b" })(printed));
  assert.ok(!lineMatcher({ grep: "two" })(printed));
  assert.ok(!lineMatcher({ level: "warn" })(printed));
  assert.ok(lineMatcher({ level: "warn" })(call(404)));
});

test("statuses are codes or classes, and select only calls", () => {
  const matches = lineMatcher({ status: "404,5xx" });
  assert.deepEqual(
    [200, 400, 404, 500, 503].map((status) => matches(call(status))),
    [false, false, true, true, true],
  );
  assert.ok(!matches(printed));
});

test("a text that is not a list of statuses is recognized", () => {
  for (const text of ["404", "5xx", "4xx,503"]) assert.ok(isStatusList(text), text);
  for (const text of ["", "9xx", "40", "4040", "404,", "404 503", ">=400"]) assert.ok(!isStatusList(text), text);
});
