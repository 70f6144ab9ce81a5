import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { closeFrame, FrameTracker } from "./frames.ts";

/** Formats a frame: lengths in one, three or nine bytes, with a mask or without. */
function frame(opcode: number, length: number, isMasked = false, isFinal = true): Buffer {
  const extended = length > 65_535 ? 8 : length > 125 ? 2 : 0;
  const head = Buffer.alloc(2 + extended);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | (extended === 8 ? 127 : extended === 2 ? 126 : length);
  if (extended === 2) head.writeUInt16BE(length, 2);
  else if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  // A payload of bytes that would be headers of Close frames.
  return Buffer.concat([head, Buffer.alloc(isMasked ? 4 : 0, 0x88), Buffer.alloc(length, 0x88)]);
}

test("knows the boundaries between frames, however the bytes are cut", () => {
  const frames = fc.array(
    fc.record({
      opcode: fc.constantFrom(0, 1, 2, 9, 10),
      length: fc.oneof(fc.nat(130), fc.constantFrom(0, 125, 126, 65_535, 65_536, 70_000)),
      isMasked: fc.boolean(),
      isFinal: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }), (list, sizes) => {
      const tracker = new FrameTracker();
      const all = list.map(({ opcode, length, isMasked, isFinal }) => frame(opcode, length, isMasked, isFinal));
      const boundaries = new Set([0]);
      let end = 0;
      for (const { length } of all) {
        end += length;
        boundaries.add(end);
      }
      const bytes = Buffer.concat(all);
      for (let at = 0, i = 0; at < bytes.length; i++) {
        assert.equal(tracker.atBoundary, boundaries.has(at), `${at}`);
        const size = sizes[i % sizes.length] as number;
        tracker.read(bytes.subarray(at, at + size));
        at += size;
      }
      assert.ok(tracker.atBoundary);
      assert.ok(!tracker.closed);
    }),
    { numRuns: 300 },
  );
});

test("notices a Close frame", () => {
  const tracker = new FrameTracker();
  const bytes = Buffer.concat([frame(1, 200), closeFrame(1000, "bye")]);
  tracker.read(bytes.subarray(0, -3));
  assert.deepEqual([tracker.closed, tracker.atBoundary], [true, false]);
  tracker.read(bytes.subarray(-3));
  assert.ok(tracker.atBoundary);
});

test("formats a Close frame with its code and reason", () => {
  assert.deepEqual(closeFrame(1012, "x"), Buffer.from([0x88, 3, 0x03, 0xf4, 0x78]));
});
