import assert from "node:assert/strict";
import { test } from "node:test";
import { loadingLocation, loadingReport } from "./loading-report.ts";

test("a position is found in the report of a wrapper", () => {
  assert.equal(loadingLocation(["a", loadingReport("src/a.ts:3 (spin)"), "b"]), "src/a.ts:3 (spin)");
});

test("a position is found in a traceback by faulthandler, outside of the standard library", () => {
  const lines = [
    "Timeout (0:00:08)!",
    "Thread 0x00007f (most recent call first):",
    '  File "/usr/lib/python3.11/re/__init__.py", line 166 in match',
    '  File "/app/lib/a.py", line 4 in parse',
    '  File "/app/main.py", line 9 in <module>',
    '  File "<frozen importlib._bootstrap>", line 1176 in _find_and_load',
    '  File "/app/.interface.pyc", line 367 in load_function',
    '  File "/app/.interface.pyc", line 990 in main',
  ];
  assert.equal(loadingLocation(lines), "lib/a.py:4 (parse)");
  assert.equal(loadingLocation(lines.slice(0, -2)), undefined);
  assert.equal(loadingLocation(lines.slice(4)), "main.py:9 (<module>)");
  const relative = lines.map((line) => line.replace("/app/", ""));
  assert.equal(loadingLocation(relative), "lib/a.py:4 (parse)");
});

test("ordinary output has no position", () => {
  assert.equal(loadingLocation(["loading", 'File "x.py", line 3']), undefined);
});
