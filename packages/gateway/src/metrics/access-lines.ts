import { MAX_ACCESS_LINE_BYTES, writeAccessLine } from "./access-line.ts";
import type { LoggedCall } from "./access-log.ts";

const MIN_BYTES = 4 * 1024;

/** Lines of calls in memory, as bytes: one object, however many lines there are. */
export class AccessLines {
  #bytes = Buffer.alloc(0);
  #length = 0;
  /** Size of the lines that were taken. */
  #taken = 0;

  /** Number of bytes. */
  get length(): number {
    return this.#length;
  }

  /** Appends the line of a call. Runs for every call. */
  append(call: LoggedCall, gateway?: string): void {
    if (this.#length + MAX_ACCESS_LINE_BYTES > this.#bytes.length) this.#makeRoom(MAX_ACCESS_LINE_BYTES);
    this.#length = writeAccessLine(this.#bytes, this.#length, call, gateway);
  }

  /** Appends formatted lines, which are ASCII. */
  appendText(lines: string): void {
    if (this.#length + lines.length > this.#bytes.length) this.#makeRoom(lines.length);
    this.#length += this.#bytes.write(lines, this.#length, "latin1");
  }

  /** Returns the lines, until the next change. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Returns the lines that no call returned before, until the next change. */
  takeNew(): Buffer {
    const lines = this.#bytes.subarray(this.#taken, this.#length);
    this.#taken = this.#length;
    return lines;
  }

  /** Returns the lines from an offset on. */
  text(start = 0): string {
    return this.#bytes.toString("latin1", start, this.#length);
  }

  /** Removes all lines, and keeps their memory. */
  clear(): void {
    this.#length = 0;
    this.#taken = 0;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes;
    const larger = Buffer.allocUnsafeSlow(Math.max(MIN_BYTES, 2 ** Math.ceil(Math.log2(needed))));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
