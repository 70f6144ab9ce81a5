import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Access, formatAccess, type LogLine } from "@faas/core";
import { ACCESS_BATCH } from "@faas/gateway";
import { readIfExists } from "../lib/read-if-exists.ts";
import { RotatingFile } from "../lib/rotating-file.ts";

/** Size of the lines in memory above which they are written. */
const WRITE_BYTES = 250 * 1024;
/** Size of the lines in memory above which further ones are dropped: the disk is too slow, or full. */
const MAX_PENDING_BYTES = 4 * 2 ** 20;
const MIN_BUFFER_BYTES = 4 * 1024;

/** Lines of calls, each with a line break. */
export interface AccessText {
  readonly text: string;
}

const EMPTY = Buffer.alloc(0);

/**
 * Lines of the calls of one endpoint, as the gateway formats them: two bounded files of text.
 */
export class AccessFile {
  readonly #folder: string;
  readonly #file: RotatingFile;
  /** The newest lines. */
  #batch: AccessText[] = [];
  /**
   * Older lines that are not in the files yet, as bytes: a text that grows by each line consists of many small objects, which garbage collections visit, and
   * its conversion takes longer than that of each line.
   */
  #pending = EMPTY;
  #pendingBytes = 0;
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

  /** Appends lines, which are ASCII, in memory. Returns false if they had to be dropped. Runs for every call. */
  append(lines: AccessText): boolean {
    if (this.#pendingBytes > MAX_PENDING_BYTES) return false;
    if (this.#batch.push(lines) >= ACCESS_BATCH) {
      this.#convert();
      if (this.#pendingBytes > WRITE_BYTES && !this.#isWriting) void this.write();
    }
    return true;
  }

  /** Writes the lines in memory to the file. Lines that cannot be written are lost: a full disk must not end the server. */
  async write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    await this.#use(async () => {
      this.#isWriting = false;
      this.#convert();
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
      this.#convert();
      const pending = this.#pending.toString("latin1", 0, this.#pendingBytes);
      onSnapshot();
      const texts = await Promise.all(this.#file.paths.map(readIfExists));
      return `${texts.join("")}${pending}`.split("\n");
    });
  }

  /** Resolves when the files are not in use. */
  async idle(): Promise<void> {
    await this.#lastUse;
  }

  /** Converts the newest lines to bytes. */
  #convert(): void {
    const lines = this.#batch.map(({ text }) => text).join("");
    this.#batch = [];
    const bytes = this.#pendingBytes + lines.length;
    if (bytes > this.#pending.length) this.#grow(bytes);
    this.#pendingBytes += this.#pending.write(lines, this.#pendingBytes, "latin1");
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
    // Empty if the line has further fields.
    ...(gateway ? { gateway } : {}),
  };
  return {
    ...{ time: new Date(Number(time)).toISOString(), replica, revision, stream: "access", requestId, access },
    line: formatAccess(access, requestId),
  };
}

/** Times of the stages of a call. */
export interface CallTimes {
  readonly queueMs: number;
  readonly coldMs: number;
  /** On replicas that failed before they responded. */
  readonly lostMs: number;
  /** From the arrival until the head of the response; absent: until nearly its end. */
  readonly headMs?: number;
  readonly traceId?: string;
}

/** Index of the field with the times, which not every line has. */
const TIMES_FIELD = 10;

/** Reads the times of a stored line. */
export function parseCallTimes(text: string): CallTimes {
  const [queue, cold, lost, head, traceId] = text.split("\t")[TIMES_FIELD]?.split(",") ?? [];
  const milliseconds = (micros = "0") => Number(micros) / 1000 || 0;
  return {
    ...{ queueMs: milliseconds(queue), coldMs: milliseconds(cold), lostMs: milliseconds(lost) },
    ...(Number(head) > 0 ? { headMs: milliseconds(head) } : {}),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

type Fields = [string, string, string, string, string, string, string, string, string, string | undefined];
