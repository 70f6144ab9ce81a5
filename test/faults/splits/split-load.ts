import { setTimeout as delay } from "node:timers/promises";
import { Agent, type Dispatcher } from "undici";
import type { Failure } from "../load.ts";

/** Pause of a client between two calls. */
const PAUSE_MS = 5;
/** Every nth call opens a connection of its own. */
const FRESH_EVERY = 7;
const TIMEOUT_MS = 60_000;

/** Way in which a client sends its calls. */
export interface ClientKind {
  readonly method: Dispatcher.HttpMethod;
  /** Revision or tag in the address, with `@`; empty for the endpoint itself. */
  readonly at: string;
  /** Value of the header of sticky splits. */
  readonly user?: string;
  /** Sends the cookie of sticky splits again. */
  readonly keepsCookie?: boolean;
}

/** Call with the response that was expected in form; its revision is to be checked. */
export interface Answered {
  readonly id: string;
  readonly kind: ClientKind;
  readonly revision: string;
  readonly sentMs: number;
  readonly doneMs: number;
}

/** Failed call of a kind. */
export interface FailedCall extends Failure {
  readonly kind: ClientKind;
}

/** Clients that each call an endpoint in a way of their own, one call after another. */
export class SplitLoad {
  calls = 0;
  readonly answered: Answered[] = [];
  readonly failures: FailedCall[] = [];
  readonly #url: URL;
  readonly #agent = new Agent({ connections: null, pipelining: 1 });
  readonly #clients: readonly Promise<void>[];
  #ended = 0;
  #stopped = false;

  constructor(url: string, kinds: readonly ClientKind[]) {
    this.#url = new URL(url);
    this.#clients = kinds.map((kind, client) => this.#run(kind, client));
  }

  /** Waits until this many more calls have ended. */
  async untilMoreCalls(count: number): Promise<void> {
    const end = this.#ended + count;
    while (this.#ended < end) await delay(PAUSE_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    await this.#agent.destroy();
  }

  async #run(kind: ClientKind, client: number): Promise<void> {
    let cookie: string | undefined;
    while (!this.#stopped) {
      cookie = (await this.#call(kind, client, cookie)) ?? cookie;
      this.#ended++;
      await delay(PAUSE_MS);
    }
  }

  /** Returns the cookie that the response sets, for a client that keeps it. */
  async #call(kind: ClientKind, client: number, cookie: string | undefined): Promise<string | undefined> {
    const number = this.calls++;
    const id = `split-${number}`;
    const { method, at, user, keepsCookie } = kind;
    const sentMs = performance.now();
    const failed = (status: number | undefined, text: string) =>
      void this.failures.push({
        ...{ id: `${method} ${at} ${id}`, kind, client, sentMs, failedMs: performance.now(), status },
        text: text.slice(0, 300),
      });
    try {
      const response = await this.#agent.request({
        origin: this.#url.origin,
        path: `${this.#url.pathname}${at}`,
        method,
        headers: { "x-call": id, ...(user && { "x-user": user }), ...(cookie && { cookie }) },
        ...(method === "POST" ? { body: "a body" } : {}),
        reset: number % FRESH_EVERY === 0,
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
      });
      const text = await response.body.text();
      const [returned, revision = ""] = text.split(" ");
      if (response.statusCode !== 200 || returned !== id) return failed(response.statusCode, text);
      this.answered.push({ id, kind, revision, sentMs, doneMs: performance.now() });
      return keepsCookie ? String(response.headers["set-cookie"] ?? "").split(";", 1)[0] || undefined : undefined;
    } catch (error) {
      return failed(undefined, String((error as Error).cause ?? error));
    }
  }
}
