import assert from "node:assert/strict";
import { test } from "node:test";
import { loadingLocation, loadingReport } from "./loading-report.ts";

test("a position is found in the report of a wrapper", () => {
  assert.equal(loadingLocation(["a", loadingReport("src/a.ts:3 (spin)"), "b"]), "src/a.ts:3 (spin)");
});

test("a position is found in a traceback by faulthandler, outside of the standard library", () => {
  const lines = [
    "Timeout (0:00:08)!",
    "Thread 0x00007e (most recent call first):",
    '  File "/app/.interface.py", line 367 in watch',
    "Thread 0x00007f (most recent call first):",
    '  File "/usr/lib/python3.11/re/__init__.py", line 166 in match',
    '  File "/app/main.py", line 4 in parse',
    '  File "/app/main.py", line 9 in <module>',
  ];
  assert.equal(loadingLocation(lines), "main.py:4 (parse)");
});

test("ordinary output has no position", () => {
  assert.equal(loadingLocation(["loading", 'File "x.py", line 3']), undefined);
});
