import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeFrame, FrameDecoder } from "./frames.ts";

const frame = fc.record(
  { head: fc.record({ text: fc.string() }, { noNullPrototype: true }), body: fc.uint8Array() },
  { noNullPrototype: true },
);

test("frames arrive as they were sent, however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(frame), fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (sent, lengths) => {
      const bytes = Buffer.concat(sent.map(({ head, body }) => encodeFrame(head, Buffer.from(body))));
      const decoder = new FrameDecoder();
      const received: object[] = [];
      for (let at = 0; at < bytes.length; ) {
        const length = lengths.next().value as number;
        for (const { head, body } of decoder.push(bytes.subarray(at, at + length)))
          received.push({ head, body: new Uint8Array(body) });
        at += length;
      }
      assert.deepEqual(received, sent);
    }),
  );
});
