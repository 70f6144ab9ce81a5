/** Longest header of a frame: two bytes, eight for the length, four for the mask (RFC 6455 section 5.2). */
const MAX_HEADER = 14;
const CLOSE = 0x8;

/** Follows the frames of one direction of a WebSocket, by their headers alone: tells where another frame can be inserted. */
export class FrameTracker {
  /** A Close frame has begun: no frame may follow it. */
  closed = false;
  readonly #header = Buffer.allocUnsafe(MAX_HEADER);
  /** Bytes of the header that have arrived. */
  #headerBytes = 0;
  /** Bytes of the payload that have not arrived. */
  #payload = 0;

  /** True between two frames. A message may be incomplete there: control frames are allowed between its frames. */
  get atBoundary(): boolean {
    return this.#headerBytes === 0 && this.#payload === 0;
  }

  read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#payload > 0) {
        const skipped = Math.min(this.#payload, bytes.length - at);
        this.#payload -= skipped;
        at += skipped;
        continue;
      }
      this.#header[this.#headerBytes++] = bytes[at++] as number;
      if (this.#headerBytes < 2 || this.#headerBytes < headerLength(this.#header)) continue;
      this.#headerBytes = 0;
      this.#payload = payloadLength(this.#header);
      if (((this.#header[0] as number) & 0xf) === CLOSE) this.closed = true;
    }
  }
}

/** Returns the length of a header by its first two bytes. */
function headerLength(header: Buffer): number {
  const second = header[1] as number;
  const length = second & 0x7f;
  const extended = length === 127 ? 8 : length === 126 ? 2 : 0;
  return 2 + extended + (second & 0x80 ? 4 : 0);
}

function payloadLength(header: Buffer): number {
  const length = (header[1] as number) & 0x7f;
  if (length < 126) return length;
  return length === 126 ? header.readUInt16BE(2) : header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6);
}

/** Formats a Close frame as servers send it, without a mask. */
export function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  const frame = Buffer.alloc(4 + text.length);
  frame[0] = 0x80 | CLOSE;
  frame[1] = 2 + text.length;
  frame.writeUInt16BE(code, 2);
  text.copy(frame, 4);
  return frame;
}
