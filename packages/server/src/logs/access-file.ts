import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Access, formatAccess, type LogLine } from "@faas/core";
import { AccessLines, type LoggedCall } from "@faas/gateway";
import { readIfExists } from "../lib/read-if-exists.ts";
import { RotatingFile } from "../lib/rotating-file.ts";

/** Size of the lines in memory above which they are written. */
const WRITE_BYTES = 250 * 1024;
/** Size of the lines in memory above which further ones are dropped: the disk is too slow, or full. */
const MAX_PENDING_BYTES = 4 * 2 ** 20;

/**
 * Lines of the calls of one endpoint, as the gateway formats them: two bounded files of text.
 */
export class AccessFile {
  readonly #folder: string;
  readonly #file: RotatingFile;
  readonly #onLines: (lines: Buffer) => void;
  /** Lines that are not in the files yet. */
  #pending = new AccessLines();
  /** Lines of a busy endpoint that were written last. Their memory is used again: that of new lines would have to be mapped first. */
  #previous: AccessLines | undefined;
  /** End of the last use of the files. */
  #lastUse: Promise<unknown> = Promise.resolve();
  #isWriting = false;
  #hasFolder = false;

  /**
   * @param onLines receives lines before they are written, or in `passOn`; they change when it has returned. Of a busy endpoint, only the last ones are passed
   *   on: to copy all of them would cost each call, and others would soon replace them.
   */
  constructor(folder: string, fileBytes: number, onLines: (lines: Buffer) => void = () => {}) {
    this.#onLines = onLines;
    this.#folder = folder;
    const pathOf = (number: number) => join(folder, `access-${number}.log`);
    this.#file = new RotatingFile({ pathOf, maxBytes: fileBytes, previousFiles: 1 });
  }

  /** Size of the lines that are not in the files yet. */
  get pendingBytes(): number {
    return this.#pending.length;
  }

  /** Appends the line of a call in memory. Returns false if it had to be dropped. Runs for every call. */
  append(call: LoggedCall): boolean {
    if (this.#pending.length > MAX_PENDING_BYTES) return false;
    this.#pending.append(call);
    this.#writeIfMany();
    return true;
  }

  /** Appends formatted lines in memory. Returns false if they had to be dropped. */
  appendText(lines: string): boolean {
    if (this.#pending.length > MAX_PENDING_BYTES) return false;
    this.#pending.appendText(lines);
    this.#writeIfMany();
    return true;
  }

  /** Returns the pending lines from an offset on. */
  pendingText(start: number): string {
    return this.#pending.text(start);
  }

  /** Passes on the lines in memory that were not yet. */
  passOn(): void {
    for (const lines of [this.#previous, this.#pending]) {
      const unread = lines?.takeNew();
      if (unread && unread.length > 0) this.#onLines(unread);
    }
  }

  /** Writes the lines in memory to the file. Lines that cannot be written are lost: a full disk must not end the server. */
  async write(): Promise<void> {
    if (!this.#isWriting) await this.#write(false);
  }

  /**
   * Reads all lines, without line breaks.
   *
   * @param onSnapshot called at the moment that separates the lines that are returned from later ones
   */
  read(onSnapshot: () => void): Promise<readonly string[]> {
    return this.#use(async () => {
      const pending = this.#pending.text();
      onSnapshot();
      const texts = await Promise.all(this.#file.paths.map(readIfExists));
      return `${texts.join("")}${pending}`.split("\n");
    });
  }

  /** Resolves when the files are not in use. */
  async idle(): Promise<void> {
    await this.#lastUse;
  }

  #writeIfMany(): void {
    if (this.#pending.length > WRITE_BYTES && !this.#isWriting) void this.#write(true);
  }

  /** @param isBusy there are soon as many lines again */
  async #write(isBusy: boolean): Promise<void> {
    this.#isWriting = true;
    await this.#use(async () => {
      this.#isWriting = false;
      const lines = this.#pending;
      if (isBusy) {
        this.#pending = this.#previous ?? new AccessLines();
        this.#pending.clear();
        this.#previous = lines;
      } else {
        this.passOn();
        // An endpoint with few calls keeps no memory.
        this.#previous = undefined;
        if (lines.length === 0) return;
        this.#pending = new AccessLines();
      }
      if (!this.#hasFolder) await mkdir(this.#folder, { recursive: true });
      this.#hasFolder = true;
      await this.#file.append(lines.bytes());
    }).catch(() => {
      this.#hasFolder = false;
    });
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
