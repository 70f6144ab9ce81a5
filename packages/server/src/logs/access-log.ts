import type { Logger } from "@faas/core";
import { type AccessLog, CallBatch, type FinishedCall, type LoggedCall } from "@faas/gateway";
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
  /** Calls without lines yet. */
  readonly #batch = new CallBatch(
    (call) => this.#append(call),
    () => this.#schedule(),
  );
  /** Endpoint of the last call, and its log, which is among the unwritten ones. */
  #lastEndpoint: FinishedCall["endpoint"] | undefined;
  #lastLog: EndpointLogFiles | undefined;
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
    logs.appendWaiting = () => this.#batch.flush();
    logs.onFollowed = (isFollowed) => {
      this.#batch.waits = !isFollowed;
    };
    if (recent === undefined) return;
    logs.onCalls = (key, lines) => recent.keep(key, lines);
    recent.beforeRead = () => this.#passOn();
  }

  record(call: FinishedCall, durationMs: number): void {
    this.#batch.add(call, durationMs);
  }

  /** Appends lines that a gateway in another process has formatted, to the log of an endpoint that exists. */
  append(key: string, lines: string): void {
    const log = this.#open(key);
    if (!log.appendCalls(lines)) this.#reportLoss(key);
    this.#recent?.noteLines(key, lines);
    this.#schedule();
  }

  /** Stops writing; the log store writes the rest when it is closed. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  /** Appends the line of a call. Runs for every call. */
  #append(call: LoggedCall): void {
    const { endpoint } = call;
    // A call may outlive its endpoint, and would create a log that nothing removes any more.
    if (endpoint.removed) return;
    if (endpoint !== this.#lastEndpoint) {
      this.#lastLog = this.#open(endpoint.key);
      this.#lastEndpoint = endpoint;
    }
    if (!this.#lastLog?.appendCall(call)) this.#reportLoss(endpoint.key);
    if (this.#recent?.isNotable(call)) this.#recent.note(call);
  }

  #open(key: string): EndpointLogFiles {
    const log = this.#logs.openByKey(key);
    this.#unwritten.add(log);
    return log;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.#write(), WRITE_MS);
  }

  async #write(): Promise<void> {
    this.#isLossReported = false;
    this.#passOn();
    const logs = [...this.#unwritten];
    this.#unwritten.clear();
    this.#lastEndpoint = undefined;
    // One at a time: there may be more logs than files that the process may have open.
    for (const log of logs) await log.flushCalls();
    this.#batch.flush();
    this.#timer = undefined;
    if (this.#unwritten.size > 0) this.#schedule();
  }

  /** Passes on all lines in memory that were not yet. */
  #passOn(): void {
    this.#batch.flush();
    for (const log of this.#unwritten) log.passOnCalls();
  }

  #reportLoss(endpoint: string): void {
    if (this.#isLossReported) return;
    this.#isLossReported = true;
    this.#log.warn({ endpoint }, "calls are missing in the log: the disk is full, or slower than the calls");
  }
}
