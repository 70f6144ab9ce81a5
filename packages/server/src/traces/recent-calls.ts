import type { CallList } from "@faas/core";
import { ACCESS_BATCH } from "@faas/gateway";
import { LineRing } from "./line-ring.ts";

/** Memory for the last calls, and for the failed ones. */
const LAST_BYTES = 512 * 1024;
const FAILED_BYTES = 128 * 1024;
/** Number of the slowest calls, and the time for which they are kept. */
const MAX_SLOWEST = 100;
const SLOWEST_MS = 3_600_000;
/** Status of a WebSocket, which ends when somebody closes it. */
const WEBSOCKET = 101;

/** A call, with its line. */
export interface RecentCall {
  /** "org/endpoint". */
  readonly key: string;
  /** Its line, in ASCII, with a line break at its end. */
  readonly text: string;
  readonly status: number;
  readonly durationMs: number;
  /** Milliseconds since the epoch. */
  readonly endedMs: number;
}

interface SlowCall {
  readonly line: string;
  readonly durationMs: number;
  readonly endedMs: number;
}

/**
 * Keeps the lines of recent calls of all endpoints in memory, in the format of access lines after the endpoint's key and a tab: the last ones, the slowest
 * of the last hour, and the failed ones. Its size is bounded.
 */
export class RecentCalls {
  /** The newest calls. */
  #batch: RecentCall[] = [];
  readonly #last = new LineRing(LAST_BYTES);
  readonly #failed = new LineRing(FAILED_BYTES);
  #slowest: SlowCall[] = [];
  /** Calls that took longer are among the slowest. */
  #slowMs = 0;
  /** Time at which the first of the slowest calls is too old. */
  #expiresMs = Number.POSITIVE_INFINITY;

  record(call: RecentCall): void {
    if (this.#batch.push(call) >= ACCESS_BATCH) this.#keep();
  }

  /** Takes lines that a gateway in another process has formatted. */
  append(key: string, lines: string): void {
    for (const line of lines.split("\n")) {
      const [time, status, micros] = line.split("\t", 3);
      if (micros === undefined) continue;
      const durationMs = Number(micros) / 1000;
      this.record({ key, text: `${line}\n`, status: Number(status), durationMs, endedMs: Number(time) });
    }
  }

  /** Returns the lines of calls with a request id, the newest first. */
  find(requestId: string): string[] {
    this.#keep();
    const field = `\t${requestId}\t`;
    const slow = this.#slowest.map(({ line }) => line);
    const all = [...this.#last.lines(), ...this.#failed.lines(), ...slow];
    return [...new Set(all.filter((line) => line.includes(field)))].reverse();
  }

  /** Returns lines of calls, the newest or the slowest first. */
  list(list: CallList): string[] {
    this.#keep();
    if (list === "last") return this.#last.lines().reverse();
    if (list === "failed") return this.#failed.lines().reverse();
    return this.#slowest.toSorted((one, other) => other.durationMs - one.durationMs).map(({ line }) => line);
  }

  /** Stores the newest calls. */
  #keep(): void {
    const calls = this.#batch;
    this.#batch = [];
    let last = "";
    let failed = "";
    for (const call of calls) {
      const line = `${call.key}\t${call.text}`;
      last += line;
      if (call.status >= 500) failed += line;
      if (call.durationMs > this.#slowMs || call.endedMs >= this.#expiresMs) this.#addSlow(call);
    }
    this.#last.append(last);
    this.#failed.append(failed);
  }

  #addSlow({ key, text, status, durationMs, endedMs: nowMs }: RecentCall): void {
    const kept = this.#slowest.filter(({ endedMs }) => nowMs - endedMs < SLOWEST_MS);
    if (status !== WEBSOCKET) kept.push({ line: `${key}\t${text.trimEnd()}`, durationMs, endedMs: nowMs });
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
