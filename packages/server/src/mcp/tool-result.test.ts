import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lastPart, ProgressReader, type ToolProgress } from "./response-parts.ts";
import { toolResult } from "./tool-result.ts";

const result = (status: number, type: string, text: string, more: object = {}) => {
  const body = Buffer.from(text);
  return toolResult({ status, headers: [["Content-Type", type]], body, bytes: body.length, ...more }, "faas:x");
};
const textOf = ({ content }: ReturnType<typeof result>) => (content[0] as { readonly text: string }).text;

test("a problem is an error with its detail and code, and another failure one with its text", () => {
  const problem = JSON.stringify({ title: "T", detail: "too many", code: "RATE_LIMITED" });
  assert.equal(textOf(result(429, "application/problem+json", problem)), "too many (RATE_LIMITED)");
  assert.equal(textOf(result(404, "text/plain", "no city")), "no city");
  assert.equal(textOf(result(500, "text/plain", "")), "The tool responded with the status 500");
  assert.equal(result(404, "text/plain", "no city").isError, true);
});

test("a response that is too large or ended early is an error", () => {
  assert.match(textOf(result(200, "text/plain", "abc", { bytes: 9 })), /has 9 bytes: expected at most 3/);
  assert.match(textOf(result(200, "text/plain", "abc", { isBroken: true })), /ended early/);
});

test("an empty response has no content", () => {
  assert.deepEqual(result(204, "", "").content, []);
});

for (const type of ["text/event-stream", "application/x-ndjson"])
  test(`parts of ${type} are the same, however the bytes are divided`, () => {
    const parts = ["ö1", '{"progress": 5, "total": 9}', "3", '{"sum": 1}'];
    const text = parts
      .map((part) => (type === "text/event-stream" ? `id: 1\ndata: ${part}\n\n` : `${part}\n`))
      .join("");
    assert.equal(lastPart(text, type), '{"sum": 1}');
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const reported: ToolProgress[] = [];
        const reader = new ProgressReader((progress) => reported.push(progress));
        const ends = [...new Set([0, ...cuts, bytes.length])].sort((a, b) => a - b);
        for (const [i, end] of ends.entries()) if (i > 0) reader.read(bytes.subarray(ends[i - 1], end), type);
        assert.deepEqual(reported, [
          { progress: 1, message: "ö1" },
          { progress: 5, total: 9 },
          { progress: 6, message: "3" },
        ]);
      }),
    );
  });
