/** Longest line of the coding. Chunk extensions and trailers are skipped. */
const MAX_LINE_BYTES = 4 * 1024;
const MAX_TRAILERS_BYTES = 16 * 1024;

const CR = 13;
const LF = 10;

/** Decodes a body in chunked coding (RFC 9112 section 7.1) as it arrives. */
export class ChunkedDecoder {
  /** The last chunk and the trailers have been read. */
  done = false;
  /** Bytes of the current chunk that have not arrived. */
  #remaining = 0;
  #state: "size" | "data" | "data-end" | "trailer" = "size";
  #line = "";
  #trailerBytes = 0;

  /**
   * Decodes the next bytes, and passes the data in them to `sink`, as views of `bytes`. Throws an `Error` for malformed coding.
   * @returns the number of bytes that belong to the body: fewer than `bytes.length` only when it is done
   */
  read(bytes: Buffer, sink: (data: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && !this.done) {
      if (this.#state === "data") {
        const data = bytes.subarray(at, at + this.#remaining);
        at += data.length;
        this.#remaining -= data.length;
        if (this.#remaining === 0) this.#state = "data-end";
        sink(data);
      } else at = this.#readLine(bytes, at);
    }
    return at;
  }

  #readLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LF, at);
    this.#line += bytes.toString("latin1", at, end < 0 ? bytes.length : end);
    if (this.#line.length > MAX_LINE_BYTES) throw new Error("a line of the chunked coding is too long");
    if (end < 0) return bytes.length;
    if (this.#line.charCodeAt(this.#line.length - 1) !== CR)
      throw new Error("a line of the chunked coding does not end with CR LF");
    const line = this.#line.slice(0, -1);
    this.#line = "";
    this.#processLine(line);
    return end + 1;
  }

  #processLine(line: string): void {
    if (this.#state === "data-end") {
      if (line !== "") throw new Error("a chunk is longer than its size");
      this.#state = "size";
    } else if (this.#state === "trailer") {
      this.#trailerBytes += line.length;
      if (this.#trailerBytes > MAX_TRAILERS_BYTES) throw new Error("the trailers are too long");
      if (line === "") this.done = true;
    } else {
      const [, size] = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
      if (size === undefined) throw new Error(`expected a chunk size, got "${line.slice(0, 40)}"`);
      this.#remaining = Number.parseInt(size, 16);
      this.#state = this.#remaining === 0 ? "trailer" : "data";
    }
  }
}
