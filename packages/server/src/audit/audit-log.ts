import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { AuditEntry } from "@faas/core";

export interface AuditOptions {
  /** Of one file; 10 MiB. */
  readonly fileBytes?: number;
  /** Former ones that are kept; 9. */
  readonly files?: number;
  readonly now?: () => number;
}

/** Of an admin key that was made on the server's own machine, without a request. */
export const keyMadeHere = (action: string, id: string): AuditEntry => ({
  time: new Date().toISOString(),
  requestId: randomUUID(),
  action,
  target: id,
  from: "this machine",
  status: 201,
});

/** Whoever has no key could else push out of the files what others did. */
const STRANGERS_A_MINUTE = 60;

/** `audit.log` in the data folder, JSON lines; `audit.log.1` … are former ones, the highest number the oldest. */
export class AuditLog {
  readonly #file: string;
  readonly #fileBytes: number;
  readonly #files: number;
  readonly #now: () => number;
  #handle: FileHandle | undefined;
  #bytes = 0;
  #lines: string[] = [];
  #writing: Promise<void> | undefined;
  #minute = 0;
  #strangers = 0;
  #unlisted = 0;

  constructor(dataDir: string, { fileBytes = 10 * 2 ** 20, files = 9, now = Date.now }: AuditOptions = {}) {
    this.#file = join(dataDir, "audit.log");
    this.#fileBytes = fileBytes;
    this.#files = files;
    this.#now = now;
  }

  /** Resolves when it is written. Of calls without a valid key only some a minute are. */
  async write(entry: AuditEntry): Promise<void> {
    if (entry.code === "UNAUTHENTICATED" && !this.#isListed()) {
      this.#unlisted++;
      return;
    }
    const unlisted = this.#unlisted;
    this.#unlisted = 0;
    this.#lines.push(`${JSON.stringify(unlisted > 0 ? { ...entry, unlisted } : entry)}\n`);
    // Those that come while one is written share the next write.
    const before = this.#writing;
    if (before) await before.catch(() => {});
    this.#writing ??= this.#flush().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  /** All that is kept, the oldest first. */
  async *read(): AsyncGenerator<Buffer> {
    for (let number = this.#files; number >= 0; number--) {
      try {
        yield* createReadStream(number === 0 ? this.#file : `${this.#file}.${number}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => {});
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #isListed(): boolean {
    const minute = Math.floor(this.#now() / 60_000);
    if (minute !== this.#minute) this.#strangers = 0;
    this.#minute = minute;
    return ++this.#strangers <= STRANGERS_A_MINUTE;
  }

  async #flush(): Promise<void> {
    const text = this.#lines.join("");
    this.#lines = [];
    if (text === "") return;
    if (this.#handle && this.#bytes >= this.#fileBytes) await this.#rotate();
    if (!this.#handle) {
      this.#handle = await open(this.#file, "a", 0o600);
      this.#bytes = (await this.#handle.stat()).size;
    }
    await this.#handle.appendFile(text);
    this.#bytes += Buffer.byteLength(text);
  }

  async #rotate(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
    await rm(`${this.#file}.${this.#files}`, { force: true });
    for (let number = this.#files - 1; number >= 0; number--) {
      const from = number === 0 ? this.#file : `${this.#file}.${number}`;
      await rename(from, `${this.#file}.${number + 1}`).catch((error) => {
        if (error.code !== "ENOENT") throw error;
      });
    }
  }
}
