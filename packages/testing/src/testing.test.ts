import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "./eventually.ts";
import { tempDir } from "./temp-dir.ts";

test("tempDir is removed with its content when the calling test ends", async (context) => {
  let path = "";
  await context.test("uses it", () => {
    path = tempDir();
    writeFileSync(join(path, "file"), "text");
  });
  assert.notEqual(path, "");
  assert.equal(existsSync(path), false);
});

test("eventually returns the first value that is there", async () => {
  let attempts = 0;
  assert.equal(await eventually("a value", () => (++attempts === 3 ? "there" : undefined)), "there");
  assert.equal(attempts, 3);
});

test("eventually says what it waited for, and why the last attempt failed", async () => {
  const cause = new Error("not yet");
  const waiting = eventually("a value", () => Promise.reject(cause), { timeoutMs: 1 });
  await assert.rejects(waiting, { message: "Expected within 1 ms: a value", cause });
});
