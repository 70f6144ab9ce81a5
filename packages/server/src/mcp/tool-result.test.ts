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

test("text is decoded by its charset", () => {
  const response = (charset: string) =>
    toolResult(
      {
        status: 200,
        headers: [["content-type", `text/plain; charset=${charset}`]],
        body: Buffer.from([0xe4]),
        bytes: 1,
      },
      "faas:x",
    );
  assert.equal(textOf(response("ISO-8859-1")), "ä");
  assert.equal(textOf(response('"windows-1252"')), "ä");
  assert.equal(textOf(response("unknown")), "\ufffd");
});

test("bytes of an unknown type are text if they can be read as such", () => {
  assert.deepEqual(result(200, "application/octet-stream", "läuft\n\t").content, [{ type: "text", text: "läuft\n\t" }]);
  for (const bytes of [[0], [0x1b], [0x61, 0xff]]) {
    const headers = [["content-type", "application/octet-stream"]] as const;
    const { content } = toolResult({ status: 200, headers, body: Buffer.from(bytes), bytes: bytes.length }, "faas:x");
    assert.equal(content[0]?.type, "resource");
  }
});

test("pieces of text without a type are progress", () => {
  const reported: ToolProgress[] = [];
  const reader = new ProgressReader((progress) => reported.push(progress));
  for (const piece of ["reading\n", "writing\n"]) reader.read(Buffer.from(piece), "application/octet-stream");
  assert.deepEqual(reported, [{ progress: 1, message: "reading" }]);
});

test("a redirect and a compressed response are errors, not empty or unreadable results", () => {
  const headers = [["Location", "/login"]] as const;
  const redirect = toolResult({ status: 302, headers, body: Buffer.alloc(0), bytes: 0 }, "faas:x");
  assert.deepEqual([redirect.isError, /redirect \(302\) to \/login/.test(textOf(redirect))], [true, true]);
  const compressed = toolResult(
    { status: 200, headers: [["Content-Encoding", "gzip"]], body: Buffer.from([0x1f, 0x8b]), bytes: 2 },
    "faas:x",
  );
  assert.deepEqual([compressed.isError, /compressed \(gzip\)/.test(textOf(compressed))], [true, true]);
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
