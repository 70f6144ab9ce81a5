import type { Logger } from "@faas/core";
import type { AccessLog, FinishedCall } from "@faas/gateway";
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
    this.#log = log;
    this.#recent = recent;
    if (recent === undefined) return;
    logs.onCalls = (key, lines) => recent.keep(key, lines);
    recent.beforeRead = () => this.#passOn();
  }

  record(call: FinishedCall, durationMs: number): void {
    const { main: endpoint = call.endpoint } = call;
    // A call may outlive its endpoint, and would create a log that nothing removes any more.
    if (endpoint.removed) return;
    const log = this.#logs.openByKey(endpoint.key);
    const nowMs = Date.now();
    this.#appended(endpoint.key, log, log.appendCall(call, durationMs, nowMs));
    if (this.#recent?.isNotable(call.status, durationMs, nowMs)) this.#recent.note(call, durationMs, nowMs);
  }

  /** Appends lines that a gateway in another process has formatted, to the log of an endpoint that exists. */
  append(key: string, lines: string): void {
    const log = this.#logs.openByKey(key);
    this.#appended(key, log, log.appendCalls(lines));
    this.#recent?.noteLines(key, lines);
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
    this.#passOn();
    const logs = [...this.#unwritten];
    this.#unwritten.clear();
    // One at a time: there may be more logs than files that the process may have open.
    for (const log of logs) await log.flushCalls();
    this.#timer = this.#unwritten.size > 0 ? setTimeout(() => void this.#write(), WRITE_MS) : undefined;
  }

  /** Passes on all lines in memory that were not yet. */
  #passOn(): void {
    for (const log of this.#unwritten) log.passOnCalls();
  }

  #reportLoss(endpoint: string): void {
    if (this.#isLossReported) return;
    this.#isLossReported = true;
    this.#log.warn({ endpoint }, "calls are missing in the log: the disk is full, or slower than the calls");
  }
}
