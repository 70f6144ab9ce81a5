import { FaasError } from "@faas/core";
import type { Dispatcher } from "undici";
import { tooLarge } from "./admit.ts";
import type { LiveReplica } from "./endpoints.ts";
import type { Exchange } from "./exchange.ts";
import { requestHeaders, responseHeaders } from "./headers.ts";

/** The wrapper answers at the timeout itself; a replica that is stuck does not, and we do, this much later. */
const TIMEOUT_GRACE_MS = 500;
/** Executing twice does no harm (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);
/** The request never reached the replica. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "ENOTSOCK",
  "EHOSTUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_DESTROYED",
  "UND_ERR_CLOSED",
]);

/** The replica did not take the request, and nothing was answered: it may be sent to another one. */
export class Unsent extends Error {}

/** Sends the request to the replica and its answer to the client, both as they come. Rejects with Unsent, or what to answer. */
export function forward(exchange: Exchange, replica: LiveReplica): Promise<void> {
  return new Promise((resolve, reject) => {
    const { request, endpoint } = exchange;
    const { timeoutMs } = endpoint.spec;
    exchange.attempts++;
    replica.pool.dispatch(
      {
        method: request.method as Dispatcher.HttpMethod,
        path: exchange.target,
        headers: requestHeaders(request, exchange.requestId, exchange.prefix),
        body: bodyOf(exchange) as Dispatcher.DispatchOptions["body"],
        headersTimeout: timeoutMs + TIMEOUT_GRACE_MS,
        bodyTimeout: timeoutMs + TIMEOUT_GRACE_MS,
      },
      new Answer(exchange, resolve, reject),
    );
  });
}

/** Streams are given as an iterable, which is not begun before there is a connection: until then the request can go elsewhere. */
function bodyOf(exchange: Exchange): Buffer | AsyncIterable<Buffer> | null {
  if (exchange.body !== undefined) return exchange.body;
  const limit = exchange.endpoint.spec.bodyLimitBytes;
  const { request } = exchange;
  return {
    async *[Symbol.asyncIterator]() {
      exchange.attempts = Number.POSITIVE_INFINITY;
      let size = 0;
      for await (const piece of request.iterator({ destroyOnReturn: false })) {
        size += piece.length;
        if (size > limit) throw tooLarge(limit);
        yield piece;
      }
    },
  };
}

/** Receives the replica's answer. */
class Answer implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  readonly #began = performance.now();
  #controller: Dispatcher.DispatchController | undefined;

  constructor(exchange: Exchange, resolve: () => void, reject: (error: unknown) => void) {
    this.#exchange = exchange;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    const { response } = this.#exchange;
    response.on("close", this.#onClose);
    response.on("drain", this.#onDrain);
    if (this.#exchange.abandoned) controller.abort(new Error("the client went away"));
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<typeof responseHeaders>[0],
    statusMessage?: string,
  ): void {
    const exchange = this.#exchange;
    // 1xx of the replica are its own business; ours were sent by node:http.
    if (status < 200) return;
    const timing = exchange.serverTiming(performance.now() - this.#began);
    const list = responseHeaders(headers, exchange.requestId, timing, exchange.cold);
    // The rest of a body that the function did not read is in the way of the next request.
    if (!exchange.request.complete) list.push("Connection", "close");
    exchange.response.writeHead(status, statusMessage, list as unknown as string[]);
    // The head of a stream should not wait for its first piece.
    if (headers["content-length"] === undefined) exchange.response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#exchange.response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#detach();
    this.#exchange.response.end();
    this.#resolve();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#detach();
    this.#reject(this.#outcome(error));
  }

  readonly #onDrain = () => this.#controller?.resume();

  readonly #onClose = () => {
    this.#controller?.abort(new Error("the client went away"));
  };

  #detach(): void {
    this.#exchange.response.off("close", this.#onClose);
    this.#exchange.response.off("drain", this.#onDrain);
  }

  #outcome(error: Error & { code?: string }): unknown {
    const { request, response, body, endpoint, attempts } = this.#exchange;
    if (error instanceof FaasError || response.headersSent || response.destroyed) return error;
    if (error.code === "UND_ERR_HEADERS_TIMEOUT") {
      return new FaasError("FUNCTION_TIMEOUT", `${endpoint.key} did not answer within ${endpoint.spec.timeoutMs} ms`);
    }
    const unsent = NOT_SENT.has(error.code ?? "") && attempts < Number.POSITIVE_INFINITY;
    const repeatable = body !== undefined && IDEMPOTENT.has(request.method ?? "");
    if (unsent || (repeatable && attempts < 2)) return new Unsent(error.message, { cause: error });
    return new FaasError(
      "REPLICA_FAILED",
      `The connection to the replica of ${endpoint.key} broke before it answered: ${error.message}`,
      { cause: error },
    );
  }
}
