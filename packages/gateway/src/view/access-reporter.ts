import { ACCESS_BATCH, AccessLine } from "../metrics/access-line.ts";
import type { AccessLog, FinishedCall } from "../metrics/access-log.ts";
import type { ViewLog } from "./options.ts";

/** Characters that are kept while they cannot be sent; further lines are dropped. */
const MAX_CHARACTERS = 8 * 2 ** 20;

/** Collects the access lines of all endpoints until they are sent to the control server, which stores them. Runs for every call. */
export class AccessReporter implements AccessLog {
  readonly #log: ViewLog;
  readonly #gateway: string;
  /** The newest calls. */
  #calls: AccessLine[] = [];
  /** Lines of the others, by endpoint. */
  #lines = new Map<string, string[]>();
  #characters = 0;
  #isLossReported = false;

  /** @param gateway name of the gateway */
  constructor(gateway: string, log: ViewLog) {
    this.#gateway = gateway;
    this.#log = log;
  }

  record(call: FinishedCall, durationMs: number): void {
    const { main: endpoint = call.endpoint } = call;
    if (endpoint.removed) return;
    if (this.#characters > MAX_CHARACTERS) {
      this.#reportLoss();
      return;
    }
    if (this.#calls.push(new AccessLine(call, durationMs, Date.now(), this.#gateway)) >= ACCESS_BATCH) this.#format();
  }

  /** Characters that have not been taken. */
  get characters(): number {
    this.#format();
    return this.#characters;
  }

  /** Removes and returns the lines by endpoint. */
  take(): Record<string, string> {
    this.#format();
    const lines = this.#lines;
    this.#lines = new Map();
    this.#characters = 0;
    this.#isLossReported = false;
    return Object.fromEntries(Array.from(lines, ([key, each]) => [key, each.join("")]));
  }

  #format(): void {
    const calls = this.#calls;
    this.#calls = [];
    for (const { key, text } of calls) {
      this.#characters += text.length;
      const lines = this.#lines.get(key);
      if (lines) lines.push(text);
      else this.#lines.set(key, [text]);
    }
  }

  #reportLoss(): void {
    if (this.#isLossReported) return;
    this.#isLossReported = true;
    this.#log.warn({}, "calls are missing in the log: the control server was not reachable for too long");
  }
}
