import { randomFillSync } from "node:crypto";

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;
const PATTERN = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Ids that sort by time, and in the order in which they were made (https://github.com/ulid/spec). */
export class Ids {
  readonly #random = new Uint8Array(RANDOM_DIGITS);
  #ms = 0;
  #time = "";

  /** Continues after an id of another process; ids of other forms are ignored. */
  continueAfter(id: string): void {
    if (!PATTERN.test(id) || id <= this.#text()) return;
    this.#setMs([...id.slice(0, TIME_DIGITS)].reduce((ms, digit) => ms * 32 + DIGITS.indexOf(digit), 0));
    for (let index = 0; index < RANDOM_DIGITS; index++)
      this.#random[index] = DIGITS.indexOf(id[TIME_DIGITS + index] as string);
  }

  /** Returns the last id. */
  get last(): string {
    return this.#time === "" ? "" : this.#text();
  }

  next(nowMs: number): string {
    if (nowMs > this.#ms) {
      this.#setMs(nowMs);
      randomFillSync(this.#random);
      for (let index = 0; index < RANDOM_DIGITS; index++) this.#random[index] = (this.#random[index] as number) & 31;
      // Room to count up within the millisecond.
      this.#random[0] = (this.#random[0] as number) & 15;
    } else this.#increment();
    return this.#text();
  }

  #increment(): void {
    for (let index = RANDOM_DIGITS - 1; index >= 0; index--) {
      const digit = this.#random[index] as number;
      this.#random[index] = (digit + 1) & 31;
      if (digit < 31) return;
    }
    this.#setMs(this.#ms + 1);
  }

  #setMs(ms: number): void {
    this.#ms = ms;
    this.#time = "";
    for (let rest = ms, index = 0; index < TIME_DIGITS; index++, rest = Math.floor(rest / 32))
      this.#time = DIGITS.charAt(rest % 32) + this.#time;
  }

  #text(): string {
    let text = this.#time;
    for (const digit of this.#random) text += DIGITS.charAt(digit);
    return text;
  }
}
