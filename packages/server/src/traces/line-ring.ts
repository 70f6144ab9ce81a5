const LINE_FEED = 10;
/** First character of the line that precedes those of another key. */
const KEY = "\u0001";
const KEY_BYTE = 1;
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

  /**
   * Returns lines without their line breaks, after their key and a tab, the newest first. They are to be read before others are appended.
   *
   * @param start beginning of the lines, no longer than their key and the tab
   */
  *newest(start = ""): Generator<string> {
    yield* newestIn(this.#newer, this.#newerBytes, start);
    yield* newestIn(this.#older, this.#olderBytes, start);
  }

  /** Returns the lines that contain a text, as {@link newest} does. */
  *newestWith(text: string): Generator<string> {
    for (const [half, bytes] of [[this.#newer, this.#newerBytes] as const, [this.#older, this.#olderBytes] as const])
      if (half.subarray(0, bytes).includes(text, 0, "latin1"))
        for (const line of newestIn(half, bytes, "")) if (line.includes(text)) yield line;
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

/** Reads a half of a ring from its end: only the lines of keys that match become text. */
function* newestIn(half: Buffer, bytes: number, start: string): Generator<string> {
  for (let end = bytes; end > 0; ) {
    const at = half.lastIndexOf(KEY_BYTE, end - 1);
    const keyEnd = half.indexOf(LINE_FEED, at);
    const prefix = `${half.toString("latin1", at + 1, keyEnd)}\t`;
    if (prefix.startsWith(start)) {
      const lines = half.toString("latin1", keyEnd + 1, end - 1).split("\n");
      for (const line of lines.reverse()) yield prefix + line;
    }
    end = at;
  }
}
