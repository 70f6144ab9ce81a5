const LENGTH_BYTES = 4;

/** Formats an object with bytes, as they are stored: the length of the head (32 bits, big-endian), the head as JSON, and the body. */
export function formatHeaded(head: object, body: Uint8Array): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, body]);
}

/** Parses the result of {@link formatHeaded}. The body shares the memory of the bytes. */
export function parseHeaded<Head extends object>(bytes: Buffer): { readonly head: Head; readonly body: Buffer } {
  const end = LENGTH_BYTES + bytes.readUInt32BE();
  return { head: JSON.parse(bytes.toString("utf8", LENGTH_BYTES, end)), body: bytes.subarray(end) };
}
