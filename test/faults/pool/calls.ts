import { Agent } from "undici";
import type { Executions } from "../executions.ts";

/** Time for a response: a bound for calls that would never end. */
const TIMEOUT_MS = 90_000;

export interface CallTarget {
  /** Address of the gateway. */
  readonly url: string;
  readonly org: string;
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A call, and what became of it. */
export interface Outcome {
  readonly id: string;
  readonly endpoint: string;
  readonly method: "GET" | "POST";
  /** Times by `performance.now()`. */
  readonly sentMs: number;
  readonly endedMs: number;
  /** Absent if there was no response. */
  readonly status?: number;
  readonly text: string;
}

let instances = 0;

/** Calls of functions that respond with the call's id and their endpoint's name, each on a connection of its own. */
export class Calls implements AsyncDisposable {
  readonly outcomes: Outcome[] = [];
  readonly #agent = new Agent({ connections: null, pipelining: 0, connect: { timeout: TIMEOUT_MS } });
  readonly #name = `p${++instances}`;
  #count = 0;

  /** Sends a call. Nothing is retried. */
  async send({ url, org, endpoint, headers = {} }: CallTarget, method: Outcome["method"]): Promise<Outcome> {
    const id = `${this.#name}-${this.#count++}`;
    const sentMs = performance.now();
    const call = { id, endpoint, method, sentMs };
    const outcome = await this.#agent
      .request({
        ...{ origin: url, path: `/${org}/${endpoint}`, method, reset: true },
        headers: { ...headers, "x-call": id },
        ...(method === "POST" ? { body: "a body" } : {}),
        ...{ headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS },
      })
      .then(async ({ statusCode: status, body }) => ({ ...call, status, text: await body.text() }))
      .catch((error: Error) => ({ ...call, text: String(error.cause ?? error) }));
    const ended = { ...outcome, endedMs: performance.now() };
    this.outcomes.push(ended);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Returns true for a call that was answered by its own endpoint. */
export const isAnswered = ({ id, endpoint, status, text }: Outcome): boolean =>
  status === 200 && text === `${id} ${endpoint}`;

/**
 * Describes the calls that were lost: not answered although nothing excuses that, answered by another endpoint, or executed twice.
 *
 * @param mayFail returns true for a call that was in flight at what was killed
 */
export function lostCalls(
  outcomes: readonly Outcome[],
  { counts }: Pick<Executions, "counts">,
  mayFail: (outcome: Outcome) => boolean,
): string[] {
  return outcomes.flatMap((outcome) => {
    const { id, endpoint, method, status, text, sentMs, endedMs } = outcome;
    const executed = counts.get(id) ?? 0;
    const name = `${method} ${endpoint} ${id}`;
    const lost: string[] = [];
    if (!isAnswered(outcome) && (status === 200 || !mayFail(outcome)))
      lost.push(`${name} after ${Math.round(endedMs - sentMs)} ms: ${status ?? "no response"} ${text.slice(0, 400)}`);
    if (executed > 1) lost.push(`${name} was executed ${executed} times`);
    if (method === "POST" && status === 200 && executed === 0) lost.push(`${name} was answered, and not executed`);
    return lost;
  });
}
