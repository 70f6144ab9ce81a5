import type { CallList } from "@faas/core";
import { AccessLines, type LoggedCall } from "@faas/gateway";
import { LineRing } from "./line-ring.ts";

/** Memory for the last calls, and for the failed ones. */
const LAST_BYTES = 512 * 1024;
const FAILED_BYTES = 128 * 1024;
/** Number of the slowest calls, and the time for which they are kept. */
const MAX_SLOWEST = 100;
const SLOWEST_MS = 3_600_000;
/** Status of a WebSocket, which ends when somebody closes it. */
const WEBSOCKET = 101;

interface SlowCall {
  readonly line: string;
  readonly durationMs: number;
  readonly endedMs: number;
}

interface NotableCall extends SlowCall {
  readonly key: string;
  readonly status: number;
}

/**
 * Keeps the lines of recent calls of all endpoints in memory, in the format of access lines after the endpoint's key and a tab: the last ones, the slowest
 * of the last hour, and the failed ones. Its size is bounded.
 */
export class RecentCalls {
  readonly #last = new LineRing(LAST_BYTES);
  readonly #failed = new LineRing(FAILED_BYTES);
  #slowest: SlowCall[] = [];
  /** Calls that took longer are among the slowest. */
  #slowMs = 0;
  /** Time at which the first of the slowest calls is too old. */
  #expiresMs = Number.POSITIVE_INFINITY;
  /** Passes on the newest lines to {@link keep}. */
  beforeRead: () => void = () => {};

  /** Keeps lines of an endpoint among the last ones. @param key "org/endpoint" */
  keep(key: string, lines: Buffer): void {
    this.#last.append(key, lines);
  }

  /** Tells whether a call is failed or slow, and has to be noted. Runs for every call. */
  isNotable({ status, durationMs, endedMs }: Pick<LoggedCall, "status" | "durationMs" | "endedMs">): boolean {
    return status >= 500 || durationMs > this.#slowMs || endedMs >= this.#expiresMs;
  }

  /** Keeps a notable call among the failed or the slowest ones. */
  note(call: LoggedCall): void {
    const { endpoint, status, durationMs, endedMs } = call;
    const lines = new AccessLines();
    lines.append(call);
    this.#note({ key: endpoint.key, line: lines.text().trimEnd(), status, durationMs, endedMs });
  }

  /** Keeps those lines that a gateway in another process has formatted that are notable. */
  noteLines(key: string, lines: string): void {
    for (const line of lines.split("\n")) {
      const [time, statusText, micros] = line.split("\t", 3);
      if (micros === undefined) continue;
      const call = { status: Number(statusText), durationMs: Number(micros) / 1000, endedMs: Number(time) };
      if (this.isNotable(call)) this.#note({ key, line, ...call });
    }
  }

  /** Returns the lines of calls with a request id, the newest first. */
  find(requestId: string): string[] {
    this.beforeRead();
    const field = `\t${requestId}\t`;
    const slow = this.#slowest.map(({ line }) => line);
    const kept = [...this.#last.newestWith(field), ...this.#failed.newestWith(field)];
    return [...new Set([...kept, ...slow.filter((line) => line.includes(field))])];
  }

  /**
   * Returns lines of calls, the newest or the slowest first. They are to be read before other calls are kept.
   *
   * @param start beginning of the lines: an endpoint's key and a tab, or a part of that
   */
  list(list: CallList, start = ""): Iterable<string> {
    this.beforeRead();
    if (list === "last") return this.#last.newest(start);
    if (list === "failed") return this.#failed.newest(start);
    const slowest = this.#slowest.toSorted((one, other) => other.durationMs - one.durationMs);
    return slowest.map(({ line }) => line).filter((line) => line.startsWith(start));
  }

  #note({ key, line, status, durationMs, endedMs }: NotableCall): void {
    if (status >= 500) this.#failed.append(key, Buffer.from(`${line}\n`, "latin1"));
    if (durationMs > this.#slowMs || endedMs >= this.#expiresMs)
      this.#addSlow({ line: `${key}\t${line}`, durationMs, endedMs }, status);
  }

  #addSlow(call: SlowCall, status: number): void {
    const kept = this.#slowest.filter(({ endedMs }) => call.endedMs - endedMs < SLOWEST_MS);
    if (status !== WEBSOCKET) kept.push(call);
    if (kept.length > MAX_SLOWEST) kept.splice(indexOfFastest(kept), 1);
    this.#slowest = kept;
    this.#slowMs = kept.length < MAX_SLOWEST ? 0 : (kept[indexOfFastest(kept)]?.durationMs ?? 0);
    this.#expiresMs = Math.min(...kept.map(({ endedMs }) => endedMs)) + SLOWEST_MS;
  }
}

function indexOfFastest(calls: readonly SlowCall[]): number {
  let fastest = 0;
  for (const [index, { durationMs }] of calls.entries())
    if (durationMs < (calls[fastest]?.durationMs ?? 0)) fastest = index;
  return fastest;
}
