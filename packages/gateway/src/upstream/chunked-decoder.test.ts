import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChunkedDecoder } from "./chunked-decoder.ts";

/** Decodes pieces in their order; returns the data, and the bytes after the body. */
function readAll(pieces: readonly Buffer[]): { data: string; rest: string; done: boolean } {
  const body = new ChunkedDecoder();
  let data = "";
  let rest = "";
  for (const piece of pieces) {
    const read = body.done
      ? 0
      : body.read(piece, (bytes) => {
          data += bytes.toString("latin1");
        });
    rest += piece.toString("latin1", read);
  }
  return { data, rest, done: body.done };
}

/** Cuts a text before each of the positions. */
function cut(text: string, positions: readonly number[]): Buffer[] {
  const at = [0, ...positions.map((position) => position % text.length).toSorted((a, b) => a - b), text.length];
  return at.slice(1).map((end, i) => Buffer.from(text.slice(at[i], end), "latin1"));
}

test("decodes a body, however it is cut, and leaves the bytes after it", () => {
  const chunk = fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(chunk), fc.array(fc.nat(1_000)), (chunks, positions) => {
      const text = `${chunks.map((each) => `${each.length.toString(16)};ext="a;b"\r\n${each}\r\n`).join("")}0\r\nX-Trailer: 1\r\n\r\nNEXT`;
      assert.deepEqual(readAll(cut(text, positions)), { data: chunks.join(""), rest: "NEXT", done: true });
    }),
  );
});

test("is not done before the end of the body", () => {
  assert.equal(readAll([Buffer.from("3\r\nabc\r\n0\r\n")]).done, false);
});

for (const [text, expected] of [
  ["\r\n", /chunk size, got ""/],
  ["x\r\n", /chunk size, got "x"/],
  ["-1\r\n", /chunk size/],
  ["0x1\r\n", /chunk size/],
  ["1 1\r\n", /chunk size/],
  ["1\na\r\n", /does not end with CR LF/],
  ["1\r\nab\r\n", /longer than its size/],
  [`1;${"x".repeat(5_000)}`, /too long/],
  [`0\r\n${"X-Trailer: 1\r\n".repeat(2_000)}`, /trailers are too long/],
  ["1000000000000\r\n", /chunk size/],
] as const) {
  test(`rejects malformed coding: ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.throws(() => readAll([Buffer.from(text)]), expected);
  });
}
