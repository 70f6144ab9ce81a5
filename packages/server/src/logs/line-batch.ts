/** Number of texts that become one: to convert each line by itself costs more than everything else that is done for it. */
const BATCH_SIZE = 64;

/** A few lines that are converted to bytes together. Their number is bounded: garbage collections visit each of them. */
export class LineBatch {
  #lines: string[] = [];

  /** Adds a line, or several. Returns true if it is time to take them. */
  push(lines: string): boolean {
    return this.#lines.push(lines) >= BATCH_SIZE;
  }

  /** Removes and returns all lines. */
  take(): string {
    const text = this.#lines.join("");
    this.#lines = [];
    return text;
  }
}
