import { AccessLines } from "../metrics/access-lines.ts";
import type { AccessLog, FinishedCall } from "../metrics/access-log.ts";
import type { ViewLog } from "./options.ts";

/** Characters that are kept while they cannot be sent; further lines are dropped. */
const MAX_CHARACTERS = 8 * 2 ** 20;

/** Collects the access lines of all endpoints until they are sent to the control server, which stores them. Runs for every call. */
export class AccessReporter implements AccessLog {
  readonly #log: ViewLog;
  readonly #gateway: string;
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
    const { main: endpoint = call.endpoint } = call;
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
    lines.append(call, durationMs, Date.now(), this.#gateway);
    this.#characters += lines.length - before;
  }

  /** Characters that have not been taken. */
  get characters(): number {
    return this.#characters;
  }

  /** Removes and returns the lines by endpoint. */
  take(): Record<string, string> {
    const lines = this.#lines;
    this.#lines = new Map();
    this.#characters = 0;
    this.#isLossReported = false;
    return Object.fromEntries(Array.from(lines, ([key, each]) => [key, each.text()]));
  }

  #reportLoss(): void {
    if (this.#isLossReported) return;
    this.#isLossReported = true;
    this.#log.warn({}, "calls are missing in the log: the control server was not reachable for too long");
  }
}
