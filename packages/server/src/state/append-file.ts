import type { FileHandle } from "node:fs/promises";
import { stat } from "node:fs/promises";

/** Append-only file whose writes are on disk completely, or not at all. */
export class AppendFile {
  readonly #handle: FileHandle;
  #bytes: number;
  #broken = false;

  /** Takes over a file that is open for appending and `bytes` long. */
  constructor(handle: FileHandle, bytes: number) {
    this.#handle = handle;
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** True when the end of the file is unknown: nothing more may be written to it. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Appends a text; it is on disk when this resolves. When this rejects, as it does when `confirm` rejects, the write was undone. */
  async append(text: string, confirm: () => Promise<void>): Promise<void> {
    try {
      await this.#handle.appendFile(text);
      await this.#handle.datasync();
      await confirm();
    } catch (error) {
      await this.#undo();
      throw error;
    }
    this.#bytes += Buffer.byteLength(text);
  }

  /** True when this file has the given name, and no other file has replaced it. */
  async isAt(file: string): Promise<boolean> {
    const [own, named] = await Promise.all([this.#handle.stat({ bigint: true }), stat(file, { bigint: true })]);
    return own.ino === named.ino && own.dev === named.dev;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #undo(): Promise<void> {
    try {
      await this.#handle.truncate(this.#bytes);
      await this.#handle.sync();
    } catch {
      this.#broken = true;
    }
  }
}
