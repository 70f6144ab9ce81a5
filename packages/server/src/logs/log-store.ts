import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type EndpointRef, endpointKey, type LogLine, type LogOptions, type LogSink, mainRef } from "@faas/core";
import { EndpointLogFiles } from "./endpoint-log.ts";

/** Logs of all endpoints: `logs/<organization>/<endpoint>/` in the data folder. Variants write to the log of their endpoint. */
export class LogStore implements LogSink, AsyncDisposable {
  readonly #folder: string;
  /** Logs that were written or read since the start, by endpoint. */
  readonly #logs = new Map<string, EndpointLogFiles>();

  /** Receives lines of an endpoint's calls, as the hook of its log does. */
  onCalls: ((key: string, lines: Buffer) => void) | undefined;

  /** Appends calls that wait for others, because all are needed now. */
  appendWaiting: (() => void) | undefined;
  /** Called when readers begin or end to follow logs. @param isFollowed there is one */
  onFollowed: ((isFollowed: boolean) => void) | undefined;
  #followers = 0;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, "logs");
  }

  open(ref: EndpointRef): EndpointLogFiles {
    return this.openByKey(endpointKey(mainRef(ref)));
  }

  /** @param key "org/endpoint" */
  openByKey(key: string): EndpointLogFiles {
    let log = this.#logs.get(key);
    if (!log) {
      log = new EndpointLogFiles(join(this.#folder, key), undefined, {
        onCalls: (lines) => this.onCalls?.(key, lines),
        appendWaiting: () => this.appendWaiting?.(),
        onFollow: (change) => {
          this.#followers += change;
          this.onFollowed?.(this.#followers > 0);
        },
      });
      this.#logs.set(key, log);
    }
    return log;
  }

  /** Reads the lines of an endpoint's replicas, present and past, oldest first. */
  read(ref: EndpointRef, options: LogOptions): AsyncIterable<LogLine> {
    return this.open(ref).read(options);
  }

  /** Removes the log of an endpoint that no longer runs; that of a variant stays with its endpoint. */
  async remove(ref: EndpointRef): Promise<void> {
    if (mainRef(ref) !== ref) return;
    await this.open(ref).remove();
    this.#logs.delete(endpointKey(ref));
  }

  /** Removes the logs of an organization whose endpoints no longer run. */
  async removeOrg(org: string): Promise<void> {
    for (const key of [...this.#logs.keys()].filter((key) => key.startsWith(`${org}/`))) {
      await this.#logs.get(key)?.remove();
      this.#logs.delete(key);
    }
    await rm(join(this.#folder, org), { recursive: true, force: true });
  }

  /** Waits until all lines are in the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.appendWaiting?.();
    await Promise.all(Array.from(this.#logs.values(), (log) => log.flush()));
  }
}
