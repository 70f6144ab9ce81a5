import type { RequestResult } from "@faas/bench";
import type { Io } from "../terminal/io.ts";

const UPDATE_MS = 500;

/** Current results of a run in one line of a terminal, erased at the end. */
export class ProgressLine {
  replicas: number | undefined;
  readonly #io: Io;
  #updatedAt = performance.now();
  #counted = 0;
  #width = 0;

  constructor(io: Io) {
    this.#io = io;
  }

  /** Updates the line, at most twice a second. */
  update(requests: readonly RequestResult[]): void {
    const now = performance.now();
    if (!this.#io.stderr.isTTY || now - this.#updatedAt < UPDATE_MS) return;
    if (requests.length < this.#counted) this.#counted = 0;
    const recent = requests.slice(this.#counted);
    const latencies = recent.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
    const at = (share: number) => (latencies[Math.floor((latencies.length - 1) * share)] ?? 0).toPrecision(3);
    const failed = requests.reduce((sum, { status }) => sum + (status === 0 || status >= 400 ? 1 : 0), 0);
    const rate = (recent.length / ((now - this.#updatedAt) / 1000)).toFixed(0);
    const replicas = this.replicas === undefined ? "" : `, ${this.replicas} replica${this.replicas === 1 ? "" : "s"}`;
    this.#write(
      `${requests.length} requests, ${rate}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${failed} errors${replicas}`,
    );
    this.#updatedAt = now;
    this.#counted = requests.length;
  }

  /** Erases the line. */
  end(): void {
    if (this.#width > 0) this.#io.stderr.write(`\r${" ".repeat(this.#width)}\r`);
    this.#width = 0;
  }

  #write(line: string): void {
    const fitting = line.slice(0, (this.#io.stdout.columns ?? 80) - 1);
    this.#io.stderr.write(`\r${fitting.padEnd(this.#width)}`);
    this.#width = fitting.length;
  }
}
