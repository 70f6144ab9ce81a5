const LINE_FEED = 10;
/** First character of the line that precedes those of another key. */
const KEY = "\u0001";
const EMPTY = Buffer.alloc(0);
const MIN_BYTES = 16 * 1024;

/**
 * The last lines of several texts, each with a key, as bytes: a bounded number of objects, however many lines there are. When the newer half of its space
 * is full, it becomes the older half.
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

  /** Appends lines of a key, which are ASCII, each with a line break at its end. Of more than half of the space, the last ones are kept. */
  append(key: string, lines: Buffer): void {
    const head = `${KEY}${key}\n`;
    const space = this.#halfBytes - head.length;
    const kept = lines.length <= space ? lines : lines.subarray(lines.indexOf(LINE_FEED, lines.length - space) + 1);
    this.#makeRoom(head.length + kept.length);
    this.#newerBytes += this.#newer.write(head, this.#newerBytes, "latin1");
    this.#newerBytes += kept.copy(this.#newer, this.#newerBytes);
  }

  /** Returns all lines without their line breaks, after their key and a tab, the oldest first. */
  lines(): string[] {
    const older = this.#older.toString("latin1", 0, this.#olderBytes);
    const newer = this.#newer.toString("latin1", 0, this.#newerBytes);
    const lines: string[] = [];
    let key = "";
    for (const line of `${older}${newer}`.split("\n").slice(0, -1))
      if (line.startsWith(KEY)) key = line.slice(1);
      else lines.push(`${key}\t${line}`);
    return lines;
  }

  /** Enlarges the newer half, as a server with few calls needs little memory; one that may not grow becomes the older half. */
  #makeRoom(bytes: number): void {
    const needed = this.#newerBytes + bytes;
    if (needed <= this.#newer.length) return;
    if (needed > this.#halfBytes) {
      const spare = this.#older;
      this.#older = this.#newer;
      this.#olderBytes = this.#newerBytes;
      this.#newer = spare.length === this.#halfBytes ? spare : Buffer.allocUnsafeSlow(this.#halfBytes);
      this.#newerBytes = 0;
      return;
    }
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#halfBytes, Math.max(MIN_BYTES, 2 * needed)));
    this.#newer.copy(larger, 0, 0, this.#newerBytes);
    this.#newer = larger;
  }
}
