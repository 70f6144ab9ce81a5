import { Agent } from "undici";
import type { Failure } from "../load.ts";

/** Time for a response: a bound for calls that would never end. */
const TIMEOUT_MS = 30_000;
/** Every nth call opens a connection of its own; the others use connections that are kept open. */
const FRESH_EVERY = 5;

/** Not just in turns: two replicas that take turns too would get one method each. */
const METHODS = ["GET", "POST", "POST", "GET"] as const;

export interface SteadyLoadOptions {
  readonly perSecond: number;
  readonly headers?: Readonly<Record<string, string>>;
}

let loads = 0;

/** Calls in proportion to time: GET and POST, each sent when it is due, whether or not earlier ones have ended. Nothing is retried. */
export class SteadyLoad {
  calls = 0;
  readonly failures: Failure[] = [];
  slowestMs = 0;
  /** Longest time without a successful call. */
  longestGapMs = 0;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent = new Agent({ connections: null, pipelining: 1, connect: { timeout: TIMEOUT_MS } });
  /** Distinguishes its calls from those of earlier loads, whose executions may be reported late. */
  readonly #name = `l${++loads}`;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  readonly #beganMs = performance.now();
  readonly #intervalMs: number;
  #succeededMs = performance.now();

  constructor(url: string, { perSecond, headers = {} }: SteadyLoadOptions) {
    this.#url = new URL(url);
    this.#headers = headers;
    this.#intervalMs = 1_000 / perSecond;
    this.#timer = setInterval(() => this.#sendDue(), this.#intervalMs);
  }

  /** Tells whether a call is one of this load. */
  isOwn(id: string): boolean {
    return id.split(" ")[1]?.startsWith(`${this.#name}-`) ?? false;
  }

  /** Stops sending, and waits for the last responses. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#inFlight);
    await this.#agent.destroy();
  }

  /** Sends the calls that are due: a timer may be late. */
  #sendDue(): void {
    const due = (performance.now() - this.#beganMs) / this.#intervalMs;
    while (this.calls < due) {
      const call = this.#call(this.calls++).finally(() => this.#inFlight.delete(call));
      this.#inFlight.add(call);
    }
  }

  async #call(number: number): Promise<void> {
    const method = METHODS[number % METHODS.length] as "GET" | "POST";
    const id = `${method} ${this.#name}-${number}`;
    const sentMs = performance.now();
    try {
      const response = await this.#agent.request({
        origin: this.#url.origin,
        path: this.#url.pathname,
        method,
        headers: { ...this.#headers, "x-call": id },
        ...(method === "POST" ? { body: "a body" } : {}),
        reset: number % FRESH_EVERY === 0,
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
      });
      const text = await response.body.text();
      if (response.statusCode !== 200 || text !== id) return this.#failed(id, sentMs, response.statusCode, text);
      this.#succeeded(sentMs);
    } catch (error) {
      this.#failed(id, sentMs, undefined, String((error as Error).cause ?? error));
    }
  }

  #succeeded(sentMs: number): void {
    const now = performance.now();
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#succeededMs);
    this.#succeededMs = now;
    this.slowestMs = Math.max(this.slowestMs, now - sentMs);
  }

  #failed(id: string, sentMs: number, status: number | undefined, text: string): void {
    this.failures.push({ id, client: 0, sentMs, failedMs: performance.now(), status, text: text.slice(0, 300) });
  }
}
