import { setTimeout as delay } from "node:timers/promises";
import { Agent, type Dispatcher } from "undici";

/** Request of a client: a method, with headers that change its meaning. */
export interface RequestKind {
  readonly method: Dispatcher.HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Requests that are safe to repeat. */
export const IDEMPOTENT: readonly RequestKind[] = [
  { method: "GET" },
  { method: "PUT" },
  { method: "HEAD" },
  { method: "DELETE" },
  { method: "OPTIONS" },
  { method: "POST", headers: { "idempotency-key": '"one"' } },
];

export const POST: readonly RequestKind[] = [{ method: "POST" }];

/** Call without the expected response. */
export interface Failure {
  readonly id: string;
  readonly client: number;
  /** Time by `performance.now()`. */
  readonly sentMs: number;
  readonly failedMs: number;
  readonly status: number | undefined;
  readonly text: string;
}

/** Caller of {@link Load.untilMoreCalls}. */
interface Waiter {
  /** Number of ended calls to wait for. */
  readonly ended: number;
  readonly resolve: () => void;
}

let loads = 0;

/** Clients that each send one call after another, on a connection of their own, until they are stopped. */
export class Load {
  calls = 0;
  readonly failures: Failure[] = [];
  /** Ids of calls with the expected response. */
  readonly succeeded: string[] = [];
  /** Number of responses that waited for a replica to start. */
  coldStarts = 0;
  /** Revisions that the function reported. */
  readonly revisions = new Set<string>();
  readonly #url: string;
  readonly #kinds: readonly RequestKind[];
  readonly #pauseMs: number;
  readonly #name = `l${++loads}`;
  readonly #clients: Promise<void>[];
  readonly #agent: Agent;
  readonly #waiters = new Set<Waiter>();
  #ended = 0;
  #stopped = false;

  /** @param pauseMs time between two calls of a client: this is load, not a benchmark */
  constructor(url: string, kinds: readonly RequestKind[], clients: number, pauseMs = 5) {
    this.#url = url;
    this.#kinds = kinds;
    this.#pauseMs = pauseMs;
    this.#agent = new Agent({ connections: clients, pipelining: 1 });
    this.#clients = Array.from({ length: clients }, (_, client) => this.#run(client));
  }

  /** Waits until this many more calls have ended, however long that takes on a busy machine. */
  untilMoreCalls(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.add({ ended: this.#ended + count, resolve });
    return promise;
  }

  /** Waits until at least as many calls as there are clients were sent from now on and have ended. */
  untilNewCalls(): Promise<void> {
    // Each client may have a call in progress that was sent before.
    return this.untilMoreCalls(2 * this.#clients.length);
  }

  /** Stops the clients, and waits for their last responses. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    await this.#agent.destroy();
  }

  async #run(client: number): Promise<void> {
    for (let n = client; !this.#stopped; n++) {
      await this.#call(client, this.#kinds[n % this.#kinds.length] as RequestKind);
      this.#ended++;
      for (const waiter of this.#waiters) {
        if (waiter.ended > this.#ended) continue;
        this.#waiters.delete(waiter);
        waiter.resolve();
      }
      await delay(this.#pauseMs);
    }
  }

  async #call(client: number, { method, headers }: RequestKind): Promise<void> {
    const id = `${this.#name}-${this.calls++}`;
    const sentMs = performance.now();
    const failed = (status: number | undefined, text: string) =>
      this.failures.push({
        id: `${method} ${id}`,
        client,
        sentMs,
        failedMs: performance.now(),
        status,
        text: text.slice(0, 300),
      });
    try {
      const { origin, pathname } = new URL(this.#url);
      const response = await this.#agent.request({
        origin,
        path: pathname,
        method,
        headers: { ...headers, "x-call": id },
        ...(method === "POST" || method === "PUT" ? { body: "a body" } : {}),
        headersTimeout: 60_000,
        bodyTimeout: 60_000,
      });
      const text = await response.body.text();
      const [returnedId, revision = ""] = text.split(" ");
      if (response.statusCode !== 200 || (method !== "HEAD" && returnedId !== id))
        return void failed(response.statusCode, text === "" ? JSON.stringify(response.headers) : text);
      this.succeeded.push(id);
      if (response.headers["x-cold-start"] === "true") this.coldStarts++;
      if (method !== "HEAD") this.revisions.add(revision);
    } catch (error) {
      failed(undefined, String((error as Error).cause ?? error));
    }
  }
}

/** Prints the first few failures, and the number of the others. */
export function printFailures(failures: readonly Failure[], print: (line: string) => void): void {
  for (const { id, status, text } of failures.slice(0, 5)) print(`${id}: ${status ?? "no response"} ${text}`);
  if (failures.length > 5) print(`and ${failures.length - 5} more`);
}
