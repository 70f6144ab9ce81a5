import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Access, formatAccess, type LogLine } from "@faas/core";
import { RotatingFile } from "../lib/rotating-file.ts";
import { readIfExists } from "./stored-lines.ts";

/** Size of the lines in memory above which they are written. */
const WRITE_BYTES = 250 * 1024;
/** Size of the lines in memory above which further ones are dropped: the disk is too slow, or full. */
const MAX_PENDING_BYTES = 4 * 2 ** 20;
const MIN_BUFFER_BYTES = 4 * 1024;
/** Length of the text from which it is converted to bytes. */
const CONVERT_LENGTH = 2 * 1024;
/** Largest number of bytes of a character in UTF-8, per element of a string. */
const BYTES_PER_ELEMENT = 3;

const EMPTY = Buffer.alloc(0);

/**
 * Lines of the calls of one endpoint, as the gateway formats them: two bounded files of text.
 */
export class AccessFile {
  readonly #folder: string;
  readonly #file: RotatingFile;
  /**
   * Lines that are not in the files yet, as bytes: a long text that grows by each line consists of thousands of small objects, which every garbage
   * collection would visit.
   */
  #pending = EMPTY;
  #pendingBytes = 0;
  /** The newest of these lines, as text: one conversion of many lines takes less time than one of each. */
  #text = "";
  /** Buffer of the lines that were written last: the memory of a new one would have to be mapped first. */
  #spare = EMPTY;
  /** End of the last use of the files. */
  #lastUse: Promise<unknown> = Promise.resolve();
  #isWriting = false;
  #hasFolder = false;

  constructor(folder: string, fileBytes: number) {
    this.#folder = folder;
    const pathOf = (number: number) => join(folder, `access-${number}.log`);
    this.#file = new RotatingFile({ pathOf, maxBytes: fileBytes, previousFiles: 1 });
  }

  /** True if there are lines that are not in the files yet. */
  get isPending(): boolean {
    return this.#pendingBytes > 0 || this.#text !== "";
  }

  /** Appends a line in memory. Returns false if it had to be dropped. Runs for every call. */
  append(line: string): boolean {
    if (this.#pendingBytes > MAX_PENDING_BYTES) return false;
    this.#text += line;
    if (this.#text.length > CONVERT_LENGTH) this.#convertAndWrite();
    return true;
  }

  /** Writes the lines in memory to the file. Lines that cannot be written are lost: a full disk must not end the server. */
  async write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    await this.#use(async () => {
      this.#toBytes();
      this.#isWriting = false;
      if (this.#pendingBytes === 0) return;
      const buffer = this.#pending;
      const lines = buffer.subarray(0, this.#pendingBytes);
      // An endpoint with few calls keeps no large buffer.
      const isBusy = lines.length > WRITE_BYTES;
      this.#pending = isBusy ? this.#spare : EMPTY;
      this.#spare = EMPTY;
      this.#pendingBytes = 0;
      if (!this.#hasFolder) await mkdir(this.#folder, { recursive: true });
      this.#hasFolder = true;
      await this.#file.append(lines);
      if (isBusy) this.#spare = buffer;
    }).catch(() => {
      this.#hasFolder = false;
    });
  }

  /**
   * Reads all lines, without line breaks.
   *
   * @param onSnapshot called at the moment that separates the lines that are returned from later ones
   */
  read(onSnapshot: () => void): Promise<readonly string[]> {
    return this.#use(async () => {
      this.#toBytes();
      const pending = this.#pending.toString("utf8", 0, this.#pendingBytes);
      onSnapshot();
      const texts = await Promise.all(this.#file.paths.map(readIfExists));
      return `${texts.join("")}${pending}`.split("\n");
    });
  }

  /** Resolves when the files are not in use. */
  async idle(): Promise<void> {
    await this.#lastUse;
  }

  #convertAndWrite(): void {
    this.#toBytes();
    if (this.#pendingBytes > WRITE_BYTES && !this.#isWriting) void this.write();
  }

  #toBytes(): void {
    const most = this.#pendingBytes + this.#text.length * BYTES_PER_ELEMENT;
    if (most > this.#pending.length) this.#grow(most);
    this.#pendingBytes += this.#pending.write(this.#text, this.#pendingBytes);
    this.#text = "";
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(MIN_BUFFER_BYTES, 2 ** Math.ceil(Math.log2(bytes))));
    this.#pending.copy(larger, 0, 0, this.#pendingBytes);
    this.#pending = larger;
  }

  /** Uses the files when all earlier uses have ended: nothing is written while they are read. */
  #use<T>(run: () => Promise<T>): Promise<T> {
    const use = this.#lastUse.then(run);
    this.#lastUse = use.catch(() => {});
    return use;
  }
}

/** Converts a stored line to a log line; `undefined` for one that a crash or a full disk cut short. */
export function parseStoredLine(text: string): LogLine | undefined {
  const fields = text.split("\t");
  // Later releases may add fields.
  if (fields.length < 9) return undefined;
  const [time, status, micros, cold, replica, revision, method, requestId, path, gateway] = fields as Fields;
  const access: Access = {
    ...{ method, path, status: Number(status), cold: cold === "1" },
    durationMs: Math.round(Number(micros) / 10) / 100,
    ...(gateway === undefined ? {} : { gateway }),
  };
  return {
    ...{ time: new Date(Number(time)).toISOString(), replica, revision, stream: "access", requestId, access },
    line: formatAccess(access, requestId),
  };
}

type Fields = [string, string, string, string, string, string, string, string, string, string | undefined];
