import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings } from "../options.ts";
import { closeFrame, FrameDecoder, FrameError, frame, OPCODES } from "./frames.ts";

// The default limit of messages.
readSettings({}, import.meta.dirname);

const { CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG } = OPCODES;

/** Writes a client's frame. `first` replaces the first byte. */
function masked(opcode: number, payload: Buffer | string = "", first = 0x80 | opcode): Buffer {
  const plain = frame(opcode, Buffer.from(payload));
  const length = Buffer.byteLength(payload);
  const mask = Buffer.from([1, 2, 3, 4]);
  const head = plain.subarray(0, plain.length - length);
  head[0] = first;
  head[1] = (head[1] as number) | 0x80;
  const body = plain.subarray(plain.length - length).map((byte, i) => byte ^ (mask[i & 3] as number));
  return Buffer.concat([head, mask, body]);
}

/** Decodes bytes in pieces of a size. Returns the events. */
function decode(bytes: Buffer, size = bytes.length): unknown[] {
  const events: unknown[] = [];
  const decoder = new FrameDecoder({
    onMessage: (data) => events.push(typeof data === "string" ? data : [...data]),
    onClose: (code, reason) => events.push({ code, reason }),
    onPing: (data) => events.push({ ping: data.toString() }),
  });
  for (let i = 0; i < bytes.length; i += size) decoder.write(Buffer.from(bytes.subarray(i, i + size)));
  return events;
}

test("decodes messages, fragments with control frames between, and a close, in pieces of any size", () => {
  const large = "ü".repeat(40_000);
  const medium = Buffer.alloc(200, 9);
  const bytes = Buffer.concat([
    masked(TEXT, "one"),
    masked(TEXT, "t", TEXT),
    masked(PING, "are you there"),
    masked(CONTINUATION, "w", CONTINUATION),
    masked(PONG),
    masked(CONTINUATION, "o"),
    masked(BINARY, medium),
    masked(BINARY),
    masked(TEXT, large),
    masked(CLOSE, Buffer.from("\x03\xe8bye", "latin1")),
    masked(TEXT, "after the end"),
  ]);
  const expected = ["one", { ping: "are you there" }, "two", [...medium], [], large, { code: 1000, reason: "bye" }];
  for (const size of [1, 2, 3, 7, 1000, bytes.length]) assert.deepEqual(decode(bytes, size), expected, `${size}`);
});

test("a close frame without a code is 1005", () => {
  assert.deepEqual(decode(masked(CLOSE)), [{ code: 1005, reason: "" }]);
  assert.deepEqual([...closeFrame(1005)], [0x88, 0]);
  assert.deepEqual([...closeFrame(1012, "a")], [0x88, 3, 0x03, 0xf4, 0x61]);
});

const violations: [string, number, Buffer][] = [
  ["a frame without a mask", 1002, frame(TEXT, Buffer.from("x"))],
  ["a reserved bit", 1002, masked(TEXT, "x", 0xc1)],
  ["a reserved opcode", 1002, masked(3, "x")],
  ["a reserved control opcode", 1002, masked(11, "x")],
  ["a fragmented control frame", 1002, masked(PING, "x", PING)],
  ["a long control frame", 1002, masked(PING, "x".repeat(126))],
  ["a continuation of nothing", 1002, masked(CONTINUATION, "x")],
  ["a message inside another", 1002, Buffer.concat([masked(TEXT, "x", TEXT), masked(TEXT, "y")])],
  ["a close frame of one byte", 1002, masked(CLOSE, "x")],
  ["a close code that must not be sent", 1002, masked(CLOSE, Buffer.from([0x03, 0xee]))],
  ["text that is not UTF-8", 1007, masked(TEXT, Buffer.from([0xff]))],
  ["a reason that is not UTF-8", 1007, masked(CLOSE, Buffer.from([0x03, 0xe8, 0xff]))],
  ["a frame over the limit", 1009, Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0])],
  [
    "fragments over the limit",
    1009,
    Buffer.concat([masked(BINARY, Buffer.alloc(4 * 2 ** 20), BINARY), masked(CONTINUATION, Buffer.alloc(4 * 2 ** 20))]),
  ],
];
for (const [name, code, bytes] of violations)
  test(`rejects ${name}`, () => {
    assert.throws(() => decode(bytes), { constructor: FrameError, code });
  });
