import type { CallList } from "@faas/core";
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

/**
 * Keeps the lines of recent calls of all endpoints in memory, in the format of access lines after the endpoint's key and a tab: the last ones, the slowest
 * of the last hour, and the failed ones. Its size is bounded. Runs for every call.
 */
export class RecentCalls {
  readonly #last = new LineRing(LAST_BYTES);
  readonly #failed = new LineRing(FAILED_BYTES);
  #slowest: SlowCall[] = [];
  /** Calls that took longer are among the slowest. */
  #slowMs = 0;
  /** Time at which the first of the slowest calls is too old. */
  #expiresMs = Number.POSITIVE_INFINITY;

  /** Takes the line of a call. @param line is ASCII, with a line break at its end */
  record(key: string, line: string, status: number, durationMs: number, nowMs: number): void {
    this.#last.append(key, line);
    if (status >= 500) this.#failed.append(key, line);
    if (durationMs > this.#slowMs || nowMs >= this.#expiresMs) this.#addSlow(key, line, status, durationMs, nowMs);
  }

  /** Takes lines that a gateway in another process has formatted. */
  append(key: string, lines: string): void {
    for (const line of lines.split("\n")) {
      const [time, status, micros] = line.split("\t", 3);
      if (micros === undefined) continue;
      this.record(key, `${line}\n`, Number(status), Number(micros) / 1000, Number(time));
    }
  }

  /** Returns the lines of calls with a request id, the newest first. */
  find(requestId: string): string[] {
    const field = `\t${requestId}\t`;
    const slow = this.#slowest.map(({ line }) => line);
    const all = [...this.#last.lines(), ...this.#failed.lines(), ...slow];
    return [...new Set(all.filter((line) => line.includes(field)))].reverse();
  }

  /** Returns lines of calls, the newest or the slowest first. */
  list(list: CallList): string[] {
    if (list === "last") return this.#last.lines().reverse();
    if (list === "failed") return this.#failed.lines().reverse();
    return this.#slowest.toSorted((one, other) => other.durationMs - one.durationMs).map(({ line }) => line);
  }

  #addSlow(key: string, line: string, status: number, durationMs: number, nowMs: number): void {
    const kept = this.#slowest.filter(({ endedMs }) => nowMs - endedMs < SLOWEST_MS);
    if (status !== WEBSOCKET) kept.push({ line: `${key}\t${line.trimEnd()}`, durationMs, endedMs: nowMs });
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
