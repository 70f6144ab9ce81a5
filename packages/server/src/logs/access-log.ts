import type { Logger } from "@faas/core";
import { AccessLine, type AccessLog, type FinishedCall } from "@faas/gateway";
import type { RecentCalls } from "../traces/recent-calls.ts";
import type { EndpointLogFiles } from "./endpoint-log.ts";
import type { LogStore } from "./log-store.ts";

/** Longest time that a line stays in memory before it is written. */
const WRITE_MS = 2_000;

/** Writes the calls of all endpoints to their logs, many at a time: the cost per call has to be small (docs/decisions/0029-access-lines.md). */
export class AccessLogWriter implements AccessLog, Disposable {
  readonly #logs: LogStore;
  readonly #log: Pick<Logger, "warn">;
  readonly #recent: RecentCalls | undefined;
  /** Logs with lines in memory. */
  readonly #unwritten = new Set<EndpointLogFiles>();
  #timer: NodeJS.Timeout | undefined;
  /** The loss of lines has been reported since lines were last written. */
  #isLossReported = false;

  /** @param recent keeps the lines of recent calls in memory too */
  constructor(logs: LogStore, log: Pick<Logger, "warn">, recent?: RecentCalls) {
    this.#logs = logs;
    this.#recent = recent;
    this.#log = log;
  }

  record(call: FinishedCall, durationMs: number): void {
    const { main: endpoint = call.endpoint } = call;
    // A call may outlive its endpoint, and would create a log that nothing removes any more.
    if (endpoint.removed) return;
    const log = this.#logs.openByKey(endpoint.key);
    const line = new AccessLine(call, durationMs, Date.now());
    this.#appended(endpoint.key, log, log.appendCalls(line));
    this.#recent?.record(line);
  }

  /** Appends lines that a gateway in another process has formatted, to the log of an endpoint that exists. */
  append(key: string, lines: string): void {
    const log = this.#logs.openByKey(key);
    this.#appended(key, log, log.appendCalls({ text: lines }));
    this.#recent?.append(key, lines);
  }

  /** Stops writing; the log store writes the rest when it is closed. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #appended(key: string, log: EndpointLogFiles, isStored: boolean): void {
    if (!isStored) this.#reportLoss(key);
    this.#unwritten.add(log);
    this.#timer ??= setTimeout(() => void this.#write(), WRITE_MS);
  }

  async #write(): Promise<void> {
    this.#isLossReported = false;
    const logs = [...this.#unwritten];
    this.#unwritten.clear();
    // One at a time: there may be more logs than files that the process may have open.
    for (const log of logs) await log.flushCalls();
    this.#timer = this.#unwritten.size > 0 ? setTimeout(() => void this.#write(), WRITE_MS) : undefined;
  }

  #reportLoss(endpoint: string): void {
    if (this.#isLossReported) return;
    this.#isLossReported = true;
    this.#log.warn({ endpoint }, "calls are missing in the log: the disk is full, or slower than the calls");
  }
}
