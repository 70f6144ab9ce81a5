import type { FileHandle } from "node:fs/promises";
import { stat } from "node:fs/promises";

/** A file that only grows, by writes that are on disk as a whole or not there. */
export class AppendFile {
  readonly #handle: FileHandle;
  #bytes: number;
  #broken = false;

  /** `handle` is open for appending, `bytes` long. */
  constructor(handle: FileHandle, bytes: number) {
    this.#handle = handle;
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What it ends with is not known: nothing more may be written to it. */
  get broken(): boolean {
    return this.#broken;
  }

  /** On disk when it resolves. When it rejects, as it does when `confirm` does, it was taken back. */
  async append(text: string, confirm: () => Promise<void>): Promise<void> {
    try {
      await this.#handle.appendFile(text);
      await this.#handle.datasync();
      await confirm();
    } catch (error) {
      await this.#takeBack();
      throw error;
    }
    this.#bytes += Buffer.byteLength(text);
  }

  /** Whether the file of this name is this one, and not another that has taken its place. */
  async isAt(file: string): Promise<boolean> {
    const [own, there] = await Promise.all([this.#handle.stat({ bigint: true }), stat(file, { bigint: true })]);
    return own.ino === there.ino && own.dev === there.dev;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #takeBack(): Promise<void> {
    try {
      await this.#handle.truncate(this.#bytes);
      await this.#handle.sync();
    } catch {
      this.#broken = true;
    }
  }
}
