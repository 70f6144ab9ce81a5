import { AccessLines } from "../metrics/access-lines.ts";
import type { AccessLog, FinishedCall, LoggedCall } from "../metrics/access-log.ts";
import { CallBatch } from "../metrics/call-batch.ts";
import type { ViewLog } from "./options.ts";

/** Characters that are kept while they cannot be sent; further lines are dropped. */
const MAX_CHARACTERS = 8 * 2 ** 20;

/** Collects the access lines of all endpoints until they are sent to the control server, which stores them. Runs for every call. */
export class AccessReporter implements AccessLog {
  readonly #log: ViewLog;
  readonly #gateway: string;
  readonly #batch = new CallBatch((call) => this.#append(call));
  /** Lines by endpoint. */
  #lines = new Map<string, AccessLines>();
  #characters = 0;
  #isLossReported = false;

  /** @param gateway name of the gateway */
  constructor(gateway: string, log: ViewLog) {
    this.#gateway = gateway;
    this.#log = log;
  }

  record(call: FinishedCall, durationMs: number): void {
    this.#batch.add(call, durationMs);
  }

  /** Characters that have not been taken. */
  get characters(): number {
    this.#batch.flush();
    return this.#characters;
  }

  /** Removes and returns the lines by endpoint. */
  take(): Record<string, string> {
    this.#batch.flush();
    const lines = this.#lines;
    this.#lines = new Map();
    this.#characters = 0;
    this.#isLossReported = false;
    return Object.fromEntries(Array.from(lines, ([key, each]) => [key, each.text()]));
  }

  #append(call: LoggedCall): void {
    const { endpoint } = call;
    if (endpoint.removed) return;
    if (this.#characters > MAX_CHARACTERS) {
      this.#reportLoss();
      return;
    }
    let lines = this.#lines.get(endpoint.key);
    if (lines === undefined) {
      lines = new AccessLines();
      this.#lines.set(endpoint.key, lines);
    }
    const before = lines.length;
    lines.append(call, this.#gateway);
    this.#characters += lines.length - before;
  }

  #reportLoss(): void {
    if (this.#isLossReported) return;
    this.#isLossReported = true;
    this.#log.warn({}, "calls are missing in the log: the control server was not reachable for too long");
  }
}
