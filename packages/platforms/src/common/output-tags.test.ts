import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOutput } from "./output-tags.ts";

test("a tag tells the stream and the call of a line, and is not part of it", () => {
  assert.deepEqual(parseOutput("\x1eoid-1\x1fgot one"), { text: "got one", stream: "stdout", requestId: "id-1" });
  assert.deepEqual(parseOutput("\x1eeid-1\x1f"), { text: "", stream: "stderr", requestId: "id-1" });
  assert.deepEqual(parseOutput("\x1ee\x1foutside of calls"), { text: "outside of calls", stream: "stderr" });
});

test("a line without a tag is unchanged, also one that begins with the same character", () => {
  for (const text of [
    "",
    "got one",
    '\x1e{"json":"text sequence"}',
    "\x1eoid-1",
    "text \x1eoid-1\x1f",
    `\x1eo${"x".repeat(129)}\x1f`,
  ])
    assert.deepEqual(parseOutput(text), { text });
});
