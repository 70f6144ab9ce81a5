import { appendFile, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LogLine, LogOptions } from "@faas/core";

/** A file is turned over at this size; the former one is kept, so an endpoint has at most twice as much on disk. */
const FILE_LIMIT_BYTES = 5 * 2 ** 20;
/** Past this much in memory the writer is told to wait. */
const PENDING_LIMIT_BYTES = 2 ** 20;

type Record = LogLine & { readonly seq: number };

/** The lines of one endpoint: two bounded files of JSON lines, and whoever follows. */
export class LogStore {
  readonly #folder: string;
  readonly #followers = new Set<(record: Record) => void>();
  /** Grows over restarts too, so that past lines and followed ones can be told apart. */
  #seq = Date.now() * 1000;
  #pending: string[] = [];
  #pendingBytes = 0;
  #fileBytes: number | undefined;
  #writing: Promise<void> | undefined;
  #removed = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes a line. When it gives a promise, the caller should wait for it before it sends more. */
  append(line: LogLine): Promise<void> | undefined {
    if (this.#removed) return undefined;
    const record: Record = { seq: ++this.#seq, ...line };
    const text = `${JSON.stringify(record)}\n`;
    this.#pending.push(text);
    this.#pendingBytes += text.length;
    for (const follower of this.#followers) follower(record);
    this.#writing ??= this.#write();
    return this.#pendingBytes > PENDING_LIMIT_BYTES ? this.#writing : undefined;
  }

  /** Resolves when all that was appended is in the files. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async remove(): Promise<void> {
    this.#removed = true;
    await this.flush();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async *read(options: LogOptions): AsyncGenerator<LogLine> {
    const { follow = false, tail = Number.POSITIVE_INFINITY, sinceMs = 0, replica, signal } = options;
    const wanted = (line: LogLine) =>
      (replica === undefined || line.replica === replica) && Date.parse(line.time) >= sinceMs;
    // Followed from before the files are read, so that nothing falls in between; what is in both is told by its number.
    const live = follow ? this.#follow(signal) : undefined;
    try {
      const past = await this.#past();
      const lines = past.filter(wanted);
      for (const line of tail === Number.POSITIVE_INFINITY ? lines : lines.slice(Math.max(0, lines.length - tail))) {
        yield withoutSeq(line);
      }
      if (!live) return;
      const last = past.at(-1)?.seq ?? 0;
      for await (const line of live) if (line.seq > last && wanted(line)) yield withoutSeq(line);
    } finally {
      await live?.return();
    }
  }

  async #past(): Promise<Record[]> {
    await this.flush();
    const texts = await Promise.all([this.#read("1.ndjson"), this.#read("0.ndjson")]);
    return texts.join("").split("\n").flatMap(parse);
  }

  #read(name: string): Promise<string> {
    return readFile(join(this.#folder, name), "utf8").catch((error) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
  }

  #follow(signal: AbortSignal | undefined): AsyncGenerator<Record, void, void> {
    const queue: Record[] = [];
    let wake = () => {};
    const take = (record: Record) => {
      queue.push(record);
      wake();
    };
    this.#followers.add(take);
    const followers = this.#followers;
    const onAbort = () => wake();
    signal?.addEventListener("abort", onAbort);
    const stop = () => {
      followers.delete(take);
      signal?.removeEventListener("abort", onAbort);
    };
    const generator = (async function* () {
      try {
        while (!signal?.aborted) {
          const next = queue.shift();
          if (next) yield next;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        stop();
      }
    })();
    // A generator that was never begun does not run its `finally`.
    const end = generator.return.bind(generator);
    generator.return = (value) => {
      stop();
      return end(value);
    };
    return generator;
  }

  async #write(): Promise<void> {
    // One turn later, so that lines that come together are one write.
    await Promise.resolve();
    try {
      await mkdir(this.#folder, { recursive: true });
      while (this.#pending.length > 0) {
        const text = this.#pending.join("");
        this.#pending = [];
        this.#pendingBytes = 0;
        await this.#turnOver();
        await appendFile(join(this.#folder, "0.ndjson"), text);
        this.#fileBytes = (this.#fileBytes ?? 0) + text.length;
      }
    } catch {
      // A full disk must not end the server: these lines are lost, later ones are tried again.
      this.#pending = [];
      this.#pendingBytes = 0;
    } finally {
      this.#writing = undefined;
    }
  }

  async #turnOver(): Promise<void> {
    const current = join(this.#folder, "0.ndjson");
    this.#fileBytes ??= (await stat(current).catch(() => undefined))?.size ?? 0;
    if (this.#fileBytes < FILE_LIMIT_BYTES) return;
    await rename(current, join(this.#folder, "1.ndjson"));
    this.#fileBytes = 0;
  }
}

const withoutSeq = ({ seq: _, ...line }: Record): LogLine => line;

function parse(text: string): Record[] {
  if (text === "") return [];
  try {
    return [JSON.parse(text)];
  } catch {
    return []; // Cut by a crash or a full disk.
  }
}
