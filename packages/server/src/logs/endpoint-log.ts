import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { EndpointLog, LogLine, LogOptions } from "@faas/core";
import { RotatingFile } from "../lib/rotating-file.ts";

/** Size of one file; with the previous one an endpoint has at most twice as much on disk. */
const FILE_BYTES = 5 * 2 ** 20;
/** Size of lines in memory above which the writer has to wait. */
const MAX_PENDING_CHARACTERS = 2 ** 20;

/** Line with its number, which grows over restarts too, to distinguish stored lines from followed ones. */
type NumberedLine = LogLine & { readonly seq: number };

/** Log of one endpoint: two bounded files of JSON lines in a folder, and the readers that follow. */
export class EndpointLogFiles implements EndpointLog {
  readonly #folder: string;
  readonly #file: RotatingFile;
  readonly #subscriptions = new Set<Subscription>();
  #seq = Date.now() * 1000;
  #pending: string[] = [];
  #pendingCharacters = 0;
  #writing: Promise<void> | undefined;
  #removed = false;

  constructor(folder: string, fileBytes = FILE_BYTES) {
    this.#folder = folder;
    const pathOf = (number: number) => join(folder, `${number}.ndjson`);
    this.#file = new RotatingFile({ pathOf, maxBytes: fileBytes, previousFiles: 1 });
  }

  append(line: LogLine): Promise<void> | undefined {
    if (this.#removed) return undefined;
    const numbered: NumberedLine = { seq: ++this.#seq, ...line };
    const text = `${JSON.stringify(numbered)}\n`;
    this.#pending.push(text);
    this.#pendingCharacters += text.length;
    for (const subscription of this.#subscriptions) subscription.push(numbered);
    this.#writing ??= this.#write();
    return this.#pendingCharacters > MAX_PENDING_CHARACTERS ? this.#writing : undefined;
  }

  /** Resolves when all appended lines are in the files. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Removes the files; lines that are appended afterwards are dropped. */
  async remove(): Promise<void> {
    this.#removed = true;
    await this.flush();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async *read(options: LogOptions): AsyncGenerator<LogLine> {
    const { follow = false, tail = Number.POSITIVE_INFINITY, sinceMs = 0, replica, signal } = options;
    const isRequested = (line: LogLine) =>
      (replica === undefined || line.replica === replica) && Date.parse(line.time) >= sinceMs;
    // Subscribed before the files are read, so that no line is missed; duplicates are recognized by their numbers.
    const subscription = follow ? new Subscription(signal) : undefined;
    if (subscription) this.#subscriptions.add(subscription);
    try {
      const stored = await this.#stored();
      const lines = stored.filter(isRequested);
      for (const line of lines.slice(Math.max(0, lines.length - tail))) yield withoutNumber(line);
      const last = stored.at(-1)?.seq ?? 0;
      for await (const line of subscription ?? []) if (line.seq > last && isRequested(line)) yield withoutNumber(line);
    } finally {
      if (subscription) this.#subscriptions.delete(subscription);
      subscription?.[Symbol.dispose]();
    }
  }

  async #stored(): Promise<NumberedLine[]> {
    await this.flush();
    const texts = await Promise.all(this.#file.paths.map(readIfExists));
    return texts.join("").split("\n").flatMap(parse);
  }

  async #write(): Promise<void> {
    // One microtask later, so that lines that arrive together are one write.
    await Promise.resolve();
    try {
      await mkdir(this.#folder, { recursive: true });
      while (this.#pending.length > 0) {
        const text = this.#pending.join("");
        this.#pending = [];
        this.#pendingCharacters = 0;
        await this.#file.append(text);
      }
    } catch {
      // A full disk must not end the server: these lines are lost, later ones are written if possible.
      this.#pending = [];
      this.#pendingCharacters = 0;
    } finally {
      this.#writing = undefined;
    }
  }
}

/** Lines for one reader that follows a log; ends when the signal aborts. */
class Subscription implements Disposable {
  readonly #signal: AbortSignal | undefined;
  readonly #queue: NumberedLine[] = [];
  #wake = () => {};
  readonly #onAbort = () => this.#wake();

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
  }

  push(line: NumberedLine): void {
    this.#queue.push(line);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<NumberedLine> {
    while (!this.#signal?.aborted) {
      const next = this.#queue.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

const withoutNumber = ({ seq: _, ...line }: NumberedLine): LogLine => line;

/** Parses a line; none for one that a crash or a full disk cut short. */
function parse(text: string): NumberedLine[] {
  if (text === "") return [];
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}

function readIfExists(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}
