const BYTES = 64 * 1024;
/** Longest view that is kept: heads and small bodies. */
const MAX_KEPT_BYTES = 1024;

/** A buffer that many connections read into: its bytes are processed before the next read, so reading allocates nothing (`onread` of `net.connect`). */
export class ReadBuffer {
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(BYTES);
  readonly #views: Buffer[] = [];

  /** Returns the first bytes of the buffer. */
  first(bytes: number): Buffer {
    if (bytes > MAX_KEPT_BYTES) return this.buffer.subarray(0, bytes);
    const known = this.#views[bytes];
    if (known !== undefined) return known;
    const view = this.buffer.subarray(0, bytes);
    this.#views[bytes] = view;
    return view;
  }
}
