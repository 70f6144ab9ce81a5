import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { readLines } from "./line-reader.ts";
import { linesOf } from "./stream-lines.ts";

const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 12 }),
      fc.constantFrom("\n", "\r\n", "\r", "\n\n", "ü", "\u{1f600}"),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

/** Cut anywhere, in the middle of a letter too. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

test("lines that a process prints are the same however they come", async () => {
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 8 }), async (all, places) => {
      const stream = new PassThrough();
      const lines: string[] = [];
      readLines(stream, (line) => {
        lines.push(line);
        return undefined;
      });
      for (const piece of cut(Buffer.from(all), places)) stream.write(piece);
      stream.end();
      await once(stream, "close");
      const expected = all.toWellFormed().split("\n");
      const last = expected.pop() as string;
      assert.deepEqual(
        lines,
        [...expected, ...(last === "" ? [] : [last])].map((line) => line.replace(/\r$/, "")),
      );
    }),
    { numRuns: 60 },
  );
});

test("lines of an answer that streams are the same however they come", async () => {
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 8 }), fc.boolean(), async (all, places, whole) => {
      const source = (async function* () {
        yield* cut(Buffer.from(all), places);
      })();
      const lines: string[] = [];
      for await (const line of linesOf(source, whole)) lines.push(line);
      const expected = all
        .toWellFormed()
        .replace(/^\ufeff/, "")
        .split("\n");
      const last = expected.pop() as string;
      assert.deepEqual(
        lines,
        [...expected, ...(whole ? [last] : [])].filter((line) => line !== ""),
      );
    }),
    { numRuns: 60 },
  );
});

test("a line without end is cut, and the next one is whole", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 16_000, max: 40_000 }),
      fc.array(fc.nat(), { maxLength: 4 }),
      async (length, places) => {
        const stream = new PassThrough();
        const lines: string[] = [];
        readLines(stream, (line) => {
          lines.push(line);
          return undefined;
        });
        for (const piece of cut(Buffer.from(`${"a".repeat(length)}\nnext\n`), places)) stream.write(piece);
        stream.end();
        await once(stream, "close");
        assert.deepEqual([lines.length, lines[1]], [2, "next"]);
        assert.ok((lines[0] as string).length <= 16 * 1024 + 10);
      },
    ),
    { numRuns: 30 },
  );
});
