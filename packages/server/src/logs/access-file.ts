import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Access, formatAccess, type LogLine } from "@faas/core";
import { RotatingFile } from "../lib/rotating-file.ts";
import { readIfExists } from "./stored-lines.ts";

/** Length of the lines in memory above which they are written. */
const WRITE_CHARACTERS = 256 * 1024;
/** Length of the lines in memory above which further ones are dropped: the disk is too slow, or full. */
const MAX_PENDING_CHARACTERS = 4 * 2 ** 20;

/**
 * Lines of the calls of one endpoint, as `accessLineOf` of the gateway formats them: two bounded files of text. That takes less space and time than JSON.
 */
export class AccessFile {
  readonly #folder: string;
  readonly #file: RotatingFile;
  /** Lines that are not in the files yet. */
  #pending = "";
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
    return this.#pending !== "";
  }

  /** Appends a line in memory. Returns false if it had to be dropped. Runs for every call. */
  append(line: string): boolean {
    if (this.#pending.length > MAX_PENDING_CHARACTERS) return false;
    this.#pending += line;
    if (this.#pending.length > WRITE_CHARACTERS && !this.#isWriting) void this.write();
    return true;
  }

  /** Writes the lines in memory to the file. Lines that cannot be written are lost: a full disk must not end the server. */
  async write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    await this.#use(async () => {
      this.#isWriting = false;
      const text = this.#pending;
      if (text === "") return;
      this.#pending = "";
      if (!this.#hasFolder) await mkdir(this.#folder, { recursive: true });
      this.#hasFolder = true;
      await this.#file.append(text);
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
      const pending = this.#pending;
      onSnapshot();
      const texts = await Promise.all(this.#file.paths.map(readIfExists));
      return `${texts.join("")}${pending}`.split("\n");
    });
  }

  /** Resolves when the files are not in use. */
  async idle(): Promise<void> {
    await this.#lastUse;
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
  const [time, status, micros, cold, replica, revision, method, requestId, path] = fields as Fields;
  const access: Access = {
    ...{ method, path, status: Number(status), cold: cold === "1" },
    durationMs: Math.round(Number(micros) / 10) / 100,
  };
  return {
    ...{ time: new Date(Number(time)).toISOString(), replica, revision, stream: "access", requestId, access },
    line: formatAccess(access, requestId),
  };
}

type Fields = [string, string, string, string, string, string, string, string, string];
