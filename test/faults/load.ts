import { setTimeout as delay } from "node:timers/promises";
import { Agent, type Dispatcher } from "undici";

/** How a client calls: a method, and headers that say more of it. */
export interface Kind {
  readonly method: Dispatcher.HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
}

/** All that may be executed twice. */
export const IDEMPOTENT: readonly Kind[] = [
  { method: "GET" },
  { method: "PUT" },
  { method: "HEAD" },
  { method: "DELETE" },
  { method: "OPTIONS" },
  { method: "POST", headers: { "idempotency-key": '"one"' } },
];

export const POST: readonly Kind[] = [{ method: "POST" }];

/** A call that was not answered as it should be. */
export interface Failure {
  readonly id: string;
  readonly client: number;
  /** `performance.now()`. */
  readonly sentMs: number;
  readonly failedMs: number;
  readonly status: number | undefined;
  readonly text: string;
}

let loads = 0;

/** Clients that call one after the other, each on a connection of its own, until they are stopped. */
export class Load {
  calls = 0;
  readonly failures: Failure[] = [];
  /** Ids of calls that were answered as they should be. */
  readonly answered: string[] = [];
  /** Answers that waited for a replica to start. */
  colds = 0;
  /** What the function said it was. */
  readonly revisions = new Set<string>();
  readonly #url: string;
  readonly #kinds: readonly Kind[];
  readonly #pauseMs: number;
  readonly #name = `l${++loads}`;
  readonly #clients: Promise<void>[];
  readonly #agent: Agent;
  #done = false;

  /** @param pauseMs of each client between two calls: load, not a benchmark */
  constructor(url: string, kinds: readonly Kind[], clients: number, pauseMs = 5) {
    this.#url = url;
    this.#kinds = kinds;
    this.#pauseMs = pauseMs;
    this.#agent = new Agent({ connections: clients, pipelining: 1 });
    this.#clients = Array.from({ length: clients }, (_, client) => this.#run(client));
  }

  /** Resolves when every client has its last answer. */
  async stop(): Promise<void> {
    this.#done = true;
    await Promise.all(this.#clients);
    await this.#agent.destroy();
  }

  async #run(client: number): Promise<void> {
    for (let n = client; !this.#done; n++) {
      await this.#call(client, this.#kinds[n % this.#kinds.length] as Kind);
      await delay(this.#pauseMs);
    }
  }

  async #call(client: number, { method, headers }: Kind): Promise<void> {
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
      const answer = await this.#agent.request({
        origin,
        path: pathname,
        method,
        headers: { ...headers, "x-call": id },
        ...(method === "POST" || method === "PUT" ? { body: "a body" } : {}),
        headersTimeout: 60_000,
        bodyTimeout: 60_000,
      });
      const text = await answer.body.text();
      const [said, revision = ""] = text.split(" ");
      if (answer.statusCode !== 200 || (method !== "HEAD" && said !== id)) return void failed(answer.statusCode, text);
      this.answered.push(id);
      if (answer.headers["x-cold-start"] === "true") this.colds++;
      if (method !== "HEAD") this.revisions.add(revision);
    } catch (error) {
      failed(undefined, String((error as Error).cause ?? error));
    }
  }
}

/** Of many failures the first few, with what they were. */
export function printFailures(failures: readonly Failure[], print: (line: string) => void): void {
  for (const { id, status, text } of failures.slice(0, 5)) print(`${id}: ${status ?? "no answer"} ${text}`);
  if (failures.length > 5) print(`and ${failures.length - 5} more`);
}
