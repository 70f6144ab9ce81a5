import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type EndpointLog, type LogLine, type LogOptions, lineMatcher } from "@faas/core";
import type { LoggedCall } from "@faas/gateway";
import { readIfExists } from "../lib/read-if-exists.ts";
import { RotatingFile } from "../lib/rotating-file.ts";
import { AccessFile, parseStoredLine } from "./access-file.ts";
import { lastLines, mergeByTime } from "./stored-lines.ts";
import { type NumberedLine, Subscription } from "./subscription.ts";

/** Size of one file; with the previous one an endpoint has at most twice as much on disk. */
const FILE_BYTES = 5 * 2 ** 20;
/** Size of lines in memory above which the writer has to wait. */
const MAX_PENDING_CHARACTERS = 2 ** 20;

/** Callbacks of a log. */
export interface LogHooks {
  /** Receives lines of calls before they are written, or when they are asked for; of a busy endpoint the last ones. They change when it has returned. */
  readonly onCalls?: (lines: Buffer) => void;
  /** Appends calls that wait for others, because all are needed now. */
  readonly appendWaiting?: () => void;
  /** Called with 1 when a reader begins to follow the log, and with -1 when it ends. */
  readonly onFollow?: (change: 1 | -1) => void;
}

/** Log of one endpoint: two bounded files of printed lines and two of calls in a folder, and the readers that follow. */
export class EndpointLogFiles implements EndpointLog {
  readonly #folder: string;
  readonly #file: RotatingFile;
  readonly #calls: AccessFile;
  readonly #hooks: LogHooks;
  readonly #subscriptions = new Set<Subscription>();
  #seq = Date.now() * 1000;
  #pending: string[] = [];
  #pendingCharacters = 0;
  #writing: Promise<void> | undefined;
  #removed = false;

  constructor(folder: string, fileBytes = FILE_BYTES, hooks: LogHooks = {}) {
    this.#hooks = hooks;
    this.#folder = folder;
    const pathOf = (number: number) => join(folder, `${number}.ndjson`);
    this.#file = new RotatingFile({ pathOf, maxBytes: fileBytes, previousFiles: 1 });
    this.#calls = new AccessFile(folder, fileBytes, hooks.onCalls);
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
    this.#hooks.appendWaiting?.();
    while (this.#writing) await this.#writing;
    await this.flushCalls();
  }

  /** Writes the lines of calls that are in memory. */
  async flushCalls(): Promise<void> {
    await this.#calls.write();
    await this.#calls.idle();
  }

  /** Removes the files; lines that are appended afterwards are dropped. */
  async remove(): Promise<void> {
    this.#removed = true;
    await this.flush();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Appends the line of a call. Returns false if it had to be dropped. Runs for every call. */
  appendCall(call: LoggedCall): boolean {
    if (this.#removed) return true;
    const start = this.#calls.pendingBytes;
    const isStored = this.#calls.append(call);
    if (this.#subscriptions.size > 0 && isStored) this.#publishLines(this.#calls.pendingText(start));
    return isStored;
  }

  /** Appends the lines of calls, which are ASCII, each with a line break at its end. Returns false if they had to be dropped. */
  appendCalls(lines: string): boolean {
    if (this.#removed) return true;
    const isStored = this.#calls.appendText(lines);
    if (this.#subscriptions.size > 0) this.#publishLines(lines);
    return isStored;
  }

  /** Passes on the lines of calls that were not yet. */
  passOnCalls(): void {
    this.#calls.passOn();
  }

  async *read(options: LogOptions): AsyncGenerator<LogLine> {
    const { follow = false, tail = Number.POSITIVE_INFINITY, signal } = options;
    const accepts = acceptor(options);
    // Subscribed before the files are read, so that no line is missed; duplicates are recognized by their numbers.
    const subscription = follow ? new Subscription(signal) : undefined;
    if (subscription) {
      this.#subscriptions.add(subscription);
      this.#hooks.onFollow?.(1);
    }
    try {
      const { lines, lastSeq } = await this.#storedLines(tail, accepts);
      const calls = options.access ? await this.#storedCalls(tail, accepts, subscription) : [];
      const all = mergeByTime(lines, calls);
      yield* tail < all.length ? all.slice(all.length - tail) : all;
      for await (const line of subscription ?? [])
        if ((line.seq ?? Number.POSITIVE_INFINITY) > lastSeq && accepts(line)) yield withoutNumber(line);
    } finally {
      if (subscription) {
        this.#subscriptions.delete(subscription);
        this.#hooks.onFollow?.(-1);
        subscription[Symbol.dispose]();
      }
    }
  }

  async #storedLines(tail: number, accepts: (line: LogLine) => boolean) {
    while (this.#writing) await this.#writing;
    const texts = (await Promise.all(this.#file.paths.map(readIfExists))).join("").split("\n");
    const newest = texts.findLast((text) => parse(text) !== undefined);
    const lines = await lastLines(texts, tail, parse, accepts);
    return { lines: lines.map(withoutNumber), lastSeq: (newest && parse(newest)?.seq) || 0 };
  }

  async #storedCalls(tail: number, accepts: (line: LogLine) => boolean, subscription: Subscription | undefined) {
    this.#hooks.appendWaiting?.();
    const texts = await this.#calls.read(() => {
      if (subscription) subscription.includesCalls = true;
    });
    return lastLines(texts, tail, parseStoredLine, accepts);
  }

  #publishLines(lines: string): void {
    for (const line of lines.slice(0, -1).split("\n")) this.#publish(parseStoredLine(line));
  }

  #publish(call: LogLine | undefined): void {
    if (call === undefined) return;
    for (const subscription of this.#subscriptions) if (subscription.includesCalls) subscription.push(call);
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

/** Returns a function that tells whether a reader wants a line. */
function acceptor({ sinceMs = 0, replica, filter = {} }: LogOptions): (line: LogLine) => boolean {
  const matches = lineMatcher(filter);
  return (line) =>
    (replica === undefined || line.replica === replica) && Date.parse(line.time) >= sinceMs && matches(line);
}

const withoutNumber = ({ seq: _, ...line }: LogLine & { readonly seq?: number }): LogLine => line;

/** Parses a line; `undefined` for one that a crash or a full disk cut short. */
function parse(text: string): NumberedLine | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
