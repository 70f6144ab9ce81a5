import assert from "node:assert/strict";
import { test } from "node:test";
import { levelOf } from "./log-level.ts";

const printed = (line: string, stream: "stdout" | "stderr" = "stdout") => levelOf({ line, stream });

test("a line that names its level has it, whatever the stream", () => {
  const lines = {
    error: [
      "ERROR:root:no database",
      "[error] no database",
      "2026-01-01 12:00:00,123 - app.db - ERROR - no database",
      "2026-01-01T12:00:00.000Z ERROR no database",
      'time=12:00 level=error msg="no database"',
      '{"level":"error","message":"no database"}',
      '{"level":50,"msg":"no database"}',
      '{"severity":"CRITICAL"}',
    ],
    warn: ["WARNING:root:slow", "warn: slow", '{"level":40}', '{"levelname":"WARNING"}'],
    info: ["INFO:     Application startup complete.", '{"level":"info"}', '{"level":30}', "<info> ready"],
    debug: ["DEBUG:asyncio:Using selector", '{"level":10}'],
  };
  for (const [level, examples] of Object.entries(lines))
    for (const line of examples) assert.deepEqual([printed(line), printed(line, "stderr")], [level, level], line);
});

test("other lines are errors on stderr and information on stdout", () => {
  for (const line of ["got one", "errors: 0", "information is power", "{not json", "", "Infoline 7"]) {
    assert.equal(printed(line), "info", line);
    assert.equal(printed(line, "stderr"), "error", line);
  }
});

test("an uncaught error is recognized where stderr is not separate", () => {
  for (const line of [
    "Traceback (most recent call last):",
    "TypeError: x is not a function",
    "psycopg.OperationalError: gone",
  ])
    assert.equal(printed(line), "error", line);
});

test("the status of a call decides its level", () => {
  const call = (status: number) =>
    levelOf({
      stream: "access",
      line: "",
      access: { method: "GET", path: "/error", status, durationMs: 1, cold: false },
    });
  assert.deepEqual([200, 302, 404, 429, 499, 500, 503].map(call), [
    "info",
    "info",
    "warn",
    "warn",
    "warn",
    "error",
    "error",
  ]);
});
