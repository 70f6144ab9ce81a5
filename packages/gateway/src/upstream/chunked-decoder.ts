/** Of one line of the coding; chunk extensions and trailers are read over. */
const LINE_MOST_BYTES = 4 * 1024;
const TRAILERS_MOST_BYTES = 16 * 1024;

const CR = 13;
const LF = 10;

/** Reads a body in chunked coding (RFC 9112 section 7.1), piece by piece as it comes. */
export class ChunkedBody {
  /** The last chunk and the trailers were read. */
  done = false;
  /** Of the present chunk, not read yet. */
  #left = 0;
  #state: "size" | "data" | "data-end" | "trailer" = "size";
  #line = "";
  #trailerBytes = 0;

  /**
   * Takes the next bytes and gives the data in them to `sink`, in views of `bytes`.
   * @returns how many bytes belong to the body: fewer than came only when it is done. Throws an Error where the coding is broken.
   */
  read(bytes: Buffer, sink: (data: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && !this.done) {
      if (this.#state === "data") {
        const data = bytes.subarray(at, at + this.#left);
        at += data.length;
        this.#left -= data.length;
        if (this.#left === 0) this.#state = "data-end";
        sink(data);
      } else at = this.#readLine(bytes, at);
    }
    return at;
  }

  #readLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LF, at);
    this.#line += bytes.toString("latin1", at, end < 0 ? bytes.length : end);
    if (this.#line.length > LINE_MOST_BYTES) throw new Error("a line of the chunked coding that is too long");
    if (end < 0) return bytes.length;
    if (this.#line.charCodeAt(this.#line.length - 1) !== CR) throw new Error("a line of the chunked coding without CR");
    const line = this.#line.slice(0, -1);
    this.#line = "";
    this.#take(line);
    return end + 1;
  }

  #take(line: string): void {
    if (this.#state === "data-end") {
      if (line !== "") throw new Error("a chunk that is longer than it says");
      this.#state = "size";
    } else if (this.#state === "trailer") {
      this.#trailerBytes += line.length;
      if (this.#trailerBytes > TRAILERS_MOST_BYTES) throw new Error("trailers that are too long");
      if (line === "") this.done = true;
    } else {
      const [, size] = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
      if (size === undefined) throw new Error(`expected the size of a chunk, got "${line.slice(0, 40)}"`);
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? "trailer" : "data";
    }
  }
}
