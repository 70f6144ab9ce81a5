import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { linesOf, readLines } from "./lines.ts";

const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 12 }),
      fc.constantFrom("\n", "\r\n", "\r", "\n\n", "ü", "\u{1f600}"),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

/** Splits bytes at any offsets, also within a character. */
function split(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const bounds = [0, ...offsets.map((offset) => offset % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return bounds.slice(1).map((end, i) => bytes.subarray(bounds[i], end));
}

test("readLines gives the same lines however the output is split into chunks", async () => {
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 8 }), async (all, offsets) => {
      const stream = new PassThrough();
      const lines: string[] = [];
      readLines(stream, (line) => {
        lines.push(line);
        return undefined;
      });
      for (const chunk of split(Buffer.from(all), offsets)) stream.write(chunk);
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

test("linesOf gives the same lines however the response is split into chunks", async () => {
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.boolean(),
      async (all, offsets, keepsPartialLine) => {
        const source = (async function* () {
          yield* split(Buffer.from(all), offsets);
        })();
        const lines: string[] = [];
        for await (const line of linesOf(source, keepsPartialLine)) lines.push(line);
        const expected = all
          .toWellFormed()
          .replace(/^\ufeff/, "")
          .split("\n");
        const last = expected.pop() as string;
        assert.deepEqual(
          lines,
          [...expected, ...(keepsPartialLine ? [last] : [])].filter((line) => line !== ""),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test("readLines cuts an overlong line and reads the next one in full", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 16_000, max: 40_000 }),
      fc.array(fc.nat(), { maxLength: 4 }),
      async (length, offsets) => {
        const stream = new PassThrough();
        const lines: string[] = [];
        readLines(stream, (line) => {
          lines.push(line);
          return undefined;
        });
        for (const chunk of split(Buffer.from(`${"a".repeat(length)}\nnext\n`), offsets)) stream.write(chunk);
        stream.end();
        await once(stream, "close");
        assert.deepEqual([lines.length, lines[1]], [2, "next"]);
        assert.ok((lines[0] as string).length <= 16 * 1024 + 10);
      },
    ),
    { numRuns: 30 },
  );
});
