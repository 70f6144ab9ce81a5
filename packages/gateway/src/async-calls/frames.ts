/** A message between the control server and a gateway about asynchronous calls: an object, and bytes. */
export interface Frame<Head extends object = object> {
  readonly head: Head;
  readonly body: Buffer;
}

const LENGTHS_BYTES = 8;
const NO_BODY = Buffer.alloc(0);
/** Longest frame. A body may have the size of the largest request. */
const MAX_BYTES = 2 ** 31;

/** Formats a frame: the lengths of head and body (32 bits each, big-endian), the head as JSON, and the body. */
export function encodeFrame(head: object, body: Buffer = NO_BODY): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const lengths = Buffer.allocUnsafe(LENGTHS_BYTES);
  lengths.writeUInt32BE(text.length);
  lengths.writeUInt32BE(body.length, 4);
  return Buffer.concat([lengths, text, body]);
}

/** Splits a stream of bytes into frames. */
export class FrameDecoder<Head extends object> {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /**
   * Takes received bytes, and returns the frames that they complete.
   *
   * @throws Error for a frame that is too long
   */
  push(chunk: Buffer): Frame<Head>[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame<Head>[] = [];
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame<Head> | undefined {
    if (this.#bytes < LENGTHS_BYTES) return undefined;
    const start = this.#startOf(LENGTHS_BYTES);
    const headLength = start.readUInt32BE();
    const length = LENGTHS_BYTES + headLength + start.readUInt32BE(4);
    if (length > MAX_BYTES) throw new Error(`Expected a frame of at most ${MAX_BYTES} bytes, got ${length}`);
    if (this.#bytes < length) return undefined;
    const whole = this.#startOf(length);
    const bodyStart = LENGTHS_BYTES + headLength;
    const head = JSON.parse(whole.toString("utf8", LENGTHS_BYTES, bodyStart)) as Head;
    const rest = whole.subarray(length);
    if (rest.length > 0) this.#chunks[0] = rest;
    else this.#chunks.shift();
    this.#bytes -= length;
    return { head, body: whole.subarray(bodyStart, length) };
  }

  /** Returns a chunk that begins with the first bytes of all. Copies only a frame that arrived in parts, once. */
  #startOf(length: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= length) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}
