const EMPTY = Buffer.alloc(0);
const MIN_BYTES = 16 * 1024;

/**
 * The last lines of a text, as bytes: a bounded number of objects, however many lines there are. When the newer half of its space is full, it becomes the
 * older half.
 */
export class LineRing {
  readonly #halfBytes: number;
  #older = EMPTY;
  #olderBytes = 0;
  #newer = EMPTY;
  #newerBytes = 0;

  /** @param maxBytes size of all lines */
  constructor(maxBytes: number) {
    this.#halfBytes = Math.floor(maxBytes / 2);
  }

  /** Appends lines, which are ASCII, each with a line break at its end. */
  append(lines: string): void {
    if (this.#newerBytes + lines.length > this.#newer.length) this.#makeRoom(lines.length);
    this.#newerBytes += this.#newer.write(lines, this.#newerBytes, "latin1");
  }

  /** Returns all lines without their line breaks, the oldest first. */
  lines(): string[] {
    const older = this.#older.toString("latin1", 0, this.#olderBytes);
    return `${older}${this.#newer.toString("latin1", 0, this.#newerBytes)}`.split("\n").slice(0, -1);
  }

  /** Enlarges the newer half, as a server with few calls needs little memory; one that may not grow becomes the older half. */
  #makeRoom(bytes: number): void {
    const needed = this.#newerBytes + bytes;
    if (needed > this.#halfBytes) {
      const spare = this.#older;
      this.#older = this.#newer;
      this.#olderBytes = this.#newerBytes;
      this.#newer = spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(Math.max(this.#halfBytes, bytes));
      this.#newerBytes = 0;
      return;
    }
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#halfBytes, Math.max(MIN_BYTES, 2 * needed)));
    this.#newer.copy(larger, 0, 0, this.#newerBytes);
    this.#newer = larger;
  }
}
