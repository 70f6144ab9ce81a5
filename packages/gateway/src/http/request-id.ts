import { randomFillSync } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** 1 to 128 visible ASCII characters. */
const VALID = /^[\x21-\x7e]{1,128}$/;

const UUID_BYTES = 16;
const UUID_CHARACTERS = 36;
/** Hexadecimal digits of each byte, as character codes: both in one number. */
const DIGITS = Uint16Array.from({ length: 256 }, (_, byte) =>
  Buffer.from(byte.toString(16).padStart(2, "0")).readUInt16BE(),
);
/** The system is asked for many bytes at a time, which costs hardly more than a few. */
const pool = Buffer.alloc(256 * UUID_BYTES);
let used = pool.length;
const text = Buffer.alloc(UUID_CHARACTERS, "-");

/** Returns the id of a request: the client's `X-Request-Id` if it is valid, a new UUID otherwise. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  return requestIdFrom(headers["x-request-id"]);
}

/** Returns the id of a request by the value of its header `X-Request-Id`. */
export function requestIdFrom(given: string | string[] | undefined): string {
  return typeof given === "string" && VALID.test(given) ? given : newRequestId();
}

/**
 * Creates an id: a random UUID (RFC 9562, section 5.4). Unlike that of `crypto.randomUUID`, its text is in one piece, and not put together when it is read.
 */
export function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let at = 0;
  for (let index = 0; index < UUID_BYTES; index++) {
    // Behind a hyphen.
    if (index === 4 || index === 6 || index === 8 || index === 10) at++;
    const digits = DIGITS[byteOf(index)] as number;
    text[at++] = digits >> 8;
    text[at++] = digits & 0xff;
  }
  used += UUID_BYTES;
  return text.toString("latin1");
}

/** Returns a byte of the next UUID: random, but for its version, 4, and its variant. */
function byteOf(index: number): number {
  const byte = pool[used + index] as number;
  if (index === 6) return (byte & 0x0f) | 0x40;
  if (index === 8) return (byte & 0x3f) | 0x80;
  return byte;
}
