import { BYTES_PER_ELEMENT, type LineEncoding } from "../logs/line-encoding.ts";

const TAB = 9;
const EMPTY = Buffer.alloc(0);
const MIN_BYTES = 16 * 1024;

/**
 * The last lines of a text, as bytes: a bounded number of objects, however many lines there are. When the newer half of its space is full, it becomes the
 * older half.
 */
export class LineRing {
  readonly #halfBytes: number;
  #older = EMPTY;
  #newer = EMPTY;
  #newerBytes = 0;

  /** @param maxBytes size of all lines */
  constructor(maxBytes: number) {
    this.#halfBytes = Math.floor(maxBytes / 2);
  }

  /**
   * Appends a key, a tab and a line. Runs for every call.
   *
   * @param key is ASCII
   * @param line with a line break at its end
   */
  append(key: string, line: string, encoding: LineEncoding): void {
    const most = key.length + 1 + line.length * BYTES_PER_ELEMENT[encoding];
    if (this.#newerBytes + most > this.#newer.length) this.#makeRoom(most);
    this.#newerBytes += this.#newer.write(key, this.#newerBytes, "latin1");
    this.#newer[this.#newerBytes++] = TAB;
    this.#newerBytes += this.#newer.write(line, this.#newerBytes, encoding);
  }

  /** Returns all lines without their line breaks, the oldest first. */
  lines(): string[] {
    const text = this.#older.toString("utf8") + this.#newer.toString("utf8", 0, this.#newerBytes);
    return text.split("\n").slice(0, -1);
  }

  /** Enlarges the newer half, as a server with few calls needs little memory; one that may not grow becomes the older half. */
  #makeRoom(bytes: number): void {
    const needed = this.#newerBytes + bytes;
    if (needed > this.#halfBytes) {
      this.#older = this.#newer.subarray(0, this.#newerBytes);
      this.#newer = Buffer.allocUnsafeSlow(Math.max(this.#halfBytes, bytes));
      this.#newerBytes = 0;
      return;
    }
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#halfBytes, Math.max(MIN_BYTES, 2 * needed)));
    this.#newer.copy(larger, 0, 0, this.#newerBytes);
    this.#newer = larger;
  }
}
