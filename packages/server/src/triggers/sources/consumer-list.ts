import { readFile } from "node:fs/promises";
import { replaceFile } from "../../state/atomic-file.ts";

/** A durable consumer of a stream. */
export interface StreamConsumer {
  readonly stream: string;
  readonly consumer: string;
}

export interface ConsumerListOptions {
  readonly file: string;
  readonly assertLockHeld: () => Promise<void>;
}

/** Consumers that this installation has created on NATS and not removed, in a file: what was removed from the settings is removed there later too. */
export class ConsumerList {
  readonly #options: ConsumerListOptions;
  readonly #consumers: Map<string, StreamConsumer>;
  #writing: Promise<void> = Promise.resolve();

  /** Reads the file; without one, there are none. */
  static async open(options: ConsumerListOptions): Promise<ConsumerList> {
    const text = await readFile(options.file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const lines = text.split("\n").filter((line) => line !== "");
    return new ConsumerList(
      options,
      lines.map((line) => JSON.parse(line) as StreamConsumer),
    );
  }

  private constructor(options: ConsumerListOptions, consumers: readonly StreamConsumer[]) {
    this.#options = options;
    this.#consumers = new Map(consumers.map((each) => [keyOf(each), each]));
  }

  all(): StreamConsumer[] {
    return [...this.#consumers.values()];
  }

  /** Adds a consumer; it is on disk when the promise resolves. */
  async add(consumer: StreamConsumer): Promise<void> {
    if (this.#consumers.has(keyOf(consumer))) return this.#writing;
    this.#consumers.set(keyOf(consumer), consumer);
    await this.#write();
  }

  async remove(consumer: StreamConsumer): Promise<void> {
    if (this.#consumers.delete(keyOf(consumer))) await this.#write();
  }

  #write(): Promise<void> {
    const { file, assertLockHeld } = this.#options;
    this.#writing = this.#writing
      .catch(() => {})
      .then(async () => {
        const lines = this.all().map((each) => `${JSON.stringify(each)}\n`);
        await (await replaceFile(file, lines, assertLockHeld, { keepsBackup: false })).close();
      });
    return this.#writing;
  }
}

const keyOf = ({ stream, consumer }: StreamConsumer) => `${stream} ${consumer}`;
