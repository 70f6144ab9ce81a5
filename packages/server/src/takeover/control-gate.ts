import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { FaasError } from "@faas/core";
import { problemResponse, requestIdOf } from "@faas/gateway";

/** Time for changes that are under way. */
const FINISH_MS = 5_000;
/** Time for which a request waits for the server that takes over. */
const HOLD_MS = 30_000;

/** Agents stay subscribed for as long as they run, with a POST that changes nothing. */
const AGENTS = /^\/-\/orgs\/[^/]+\/mcp(?:\?|$)/;

const isChange = ({ method, url = "" }: IncomingMessage) => method !== "GET" && method !== "HEAD" && !AGENTS.test(url);

/** Handler of the control API that can be closed: then it finishes the changes under way, and further requests wait for another server. */
export class ControlGate {
  #listener: RequestListener | undefined;
  readonly #changes = new Set<ServerResponse>();
  /** Requests that wait, with their timers. */
  readonly #held = new Map<ServerResponse, NodeJS.Timeout>();
  #onIdle: (() => void) | undefined;

  constructor(listener: RequestListener) {
    this.#listener = listener;
  }

  readonly listener = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.#listener === undefined) return void this.#hold(request, response);
    if (isChange(request)) {
      this.#changes.add(response);
      response.once("close", () => {
        this.#changes.delete(response);
        if (this.#changes.size === 0) this.#onIdle?.();
      });
    }
    this.#listener(request, response);
  };

  /** Lets further requests wait. Resolves when no change is under way, after a limited time. Streams of logs continue. */
  async close(): Promise<void> {
    this.#listener = undefined;
    if (this.#changes.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const timer = setTimeout(resolve, FINISH_MS);
    await promise;
    clearTimeout(timer);
  }

  /** Passes the requests that wait, and all further ones, to the server that has taken over. */
  forwardTo(listener: RequestListener): void {
    this.#listener = listener;
    for (const [response, timer] of this.#held) {
      clearTimeout(timer);
      listener(response.req, response);
    }
    this.#held.clear();
  }

  #hold(request: IncomingMessage, response: ServerResponse): void {
    const timer = setTimeout(() => {
      this.#held.delete(response);
      reject(request, response);
    }, HOLD_MS);
    this.#held.set(response, timer);
    response.once("close", () => {
      clearTimeout(timer);
      this.#held.delete(response);
    });
  }
}

function reject(request: IncomingMessage, response: ServerResponse): void {
  const error = new FaasError("SERVER_STOPPING", "Another server takes over from this one: retry shortly");
  const { status, headers, body } = problemResponse(error, requestIdOf(request.headers));
  request.resume();
  response.writeHead(status, headers);
  response.end(body);
}
