import { appendFile, rename, rm, stat } from "node:fs/promises";

export interface RotatingFileOptions {
  /** Returns the path of a file by its number: 0 is the current file, the highest number the oldest. */
  readonly pathOf: (number: number) => string;
  /** Size from which the current file is rotated before the next write. */
  readonly maxBytes: number;
  /** Number of previous files that are kept. */
  readonly previousFiles: number;
  /** Permissions of new files. */
  readonly mode?: number;
}

/** Bounded log on disk: one file that grows, and a few previous ones. One `append` at a time. */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  /** Size of the current file; undefined before it was determined. */
  #bytes: number | undefined;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** Paths of all files that there may be, the oldest first. */
  get paths(): readonly string[] {
    const { pathOf, previousFiles } = this.#options;
    return Array.from({ length: previousFiles + 1 }, (_, index) => pathOf(previousFiles - index));
  }

  /** Appends a text, or its bytes, to the current file; a text is never split between two files. */
  async append(text: string | Buffer): Promise<void> {
    const { pathOf, maxBytes, mode } = this.#options;
    const current = pathOf(0);
    this.#bytes ??= await sizeOf(current);
    // While another server takes over from this one, both append, and the other one may have rotated the files.
    if (this.#bytes >= maxBytes) this.#bytes = await sizeOf(current);
    if (this.#bytes >= maxBytes) await this.#rotate();
    await appendFile(current, text, mode === undefined ? {} : { mode });
    this.#bytes += typeof text === "string" ? Buffer.byteLength(text) : text.length;
  }

  async #rotate(): Promise<void> {
    const { pathOf, previousFiles } = this.#options;
    // Determined again if this fails halfway.
    this.#bytes = undefined;
    await rm(pathOf(previousFiles), { force: true });
    for (let number = previousFiles - 1; number >= 0; number--) {
      await rename(pathOf(number), pathOf(number + 1)).catch((error) => {
        if (error.code !== "ENOENT") throw error;
      });
    }
    this.#bytes = 0;
  }
}

const sizeOf = async (path: string) => (await stat(path).catch(() => undefined))?.size ?? 0;
