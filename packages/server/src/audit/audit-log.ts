import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { AuditEntry } from "@faas/core";
import { readIfExists } from "../lib/read-if-exists.ts";
import { RotatingFile } from "../lib/rotating-file.ts";

export interface AuditOptions {
  /**
   * Size of one file.
   *
   * @defaultValue 10 MiB
   */
  readonly fileBytes?: number;
  /**
   * Number of previous files that are kept.
   *
   * @defaultValue 9
   */
  readonly files?: number;
  readonly now?: () => number;
}

/** Returns the entry for an admin key that was created on the server's own machine, without a request. */
export const keyCreatedLocally = (action: string, id: string): AuditEntry => ({
  time: new Date().toISOString(),
  requestId: randomUUID(),
  action,
  target: id,
  from: "this machine",
  status: 201,
});

/** Entries of unauthenticated clients per minute: more could push the actions of others out of the files. */
const MAX_UNAUTHENTICATED_PER_MINUTE = 60;

/** Audit trail: `audit.log` in the data folder, JSON lines; `audit.log.1` … are previous files, the highest number the oldest. */
export class AuditLog implements AsyncDisposable {
  readonly #file: RotatingFile;
  readonly #now: () => number;
  #lines: string[] = [];
  #writing: Promise<void> | undefined;
  #minute = 0;
  #unauthenticatedInMinute = 0;
  #unlisted = 0;

  constructor(dataDir: string, { fileBytes = 10 * 2 ** 20, files = 9, now = Date.now }: AuditOptions = {}) {
    const path = join(dataDir, "audit.log");
    const pathOf = (number: number) => (number === 0 ? path : `${path}.${number}`);
    this.#file = new RotatingFile({ pathOf, maxBytes: fileBytes, previousFiles: files, mode: 0o600 });
    this.#now = now;
  }

  /** Writes an entry; resolves when it is in the file. Only some of the calls without a valid key are listed per minute. */
  async write(entry: AuditEntry): Promise<void> {
    if (entry.code === "UNAUTHENTICATED" && !this.#isListed()) {
      this.#unlisted++;
      return;
    }
    const unlisted = this.#unlisted;
    this.#unlisted = 0;
    this.#lines.push(`${JSON.stringify(unlisted > 0 ? { ...entry, unlisted } : entry)}\n`);
    // Entries that arrive during a write share the next one.
    const before = this.#writing;
    if (before) await before.catch(() => {});
    this.#writing ??= this.#flush().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  /** Reads all entries, the oldest first. */
  async *read(): AsyncGenerator<Buffer> {
    for (const path of this.#file.paths) {
      try {
        yield* createReadStream(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
  }

  /** Reads the newest entries as text, the oldest of them first. */
  async readNewest(count: number): Promise<string> {
    let lines: string[] = [];
    for (const path of this.#file.paths.toReversed()) {
      if (lines.length >= count) break;
      const text = await readIfExists(path);
      lines = [...text.split("\n").filter((line) => line !== ""), ...lines].slice(-count);
    }
    return lines.map((line) => `${line}\n`).join("");
  }

  /** Waits for the write under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing?.catch(() => {});
  }

  #isListed(): boolean {
    const minute = Math.floor(this.#now() / 60_000);
    if (minute !== this.#minute) this.#unauthenticatedInMinute = 0;
    this.#minute = minute;
    return ++this.#unauthenticatedInMinute <= MAX_UNAUTHENTICATED_PER_MINUTE;
  }

  async #flush(): Promise<void> {
    const text = this.#lines.join("");
    this.#lines = [];
    if (text !== "") await this.#file.append(text);
  }
}
