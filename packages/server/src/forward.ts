import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { FaasError } from "@faas/core";
import type { Dispatcher } from "undici";
import type { LiveEndpoint, LiveReplica } from "./endpoints.ts";
import { type Exchange, replicaFailed } from "./exchange.ts";
import { requestHeaders, responseHeaders } from "./headers.ts";
import { RequestBody } from "./request-body.ts";
import { openTunnel } from "./tunnel.ts";

/** The wrapper answers at the timeout itself; a replica that is stuck does not, and we do, this much later. */
const TIMEOUT_GRACE_MS = 500;
/** A platform learns a little later than we do that a process ended. */
const END_KNOWN_MS = 700;
/** Executing twice does no harm (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/**
 * Sends the request to the replica and its answer to the client, both as they come. What one replica did not take goes to
 * another. FUNCTION_TIMEOUT, REPLICA_FAILED, BODY_TOO_LARGE.
 */
export function forward(exchange: Exchange): void {
  const { request, upgrade } = exchange;
  const endpoint = exchange.endpoint as LiveEndpoint;
  const replica = exchange.replica as LiveReplica;
  const timeoutMs = endpoint.spec.timeoutMs + TIMEOUT_GRACE_MS;
  replica.pool.dispatch(
    {
      method: request.method as Dispatcher.HttpMethod,
      path: exchange.target,
      headers: requestHeaders(request, exchange.requestId, exchange.prefix),
      body: exchange.body === undefined ? new RequestBody(exchange) : exchange.body,
      upgrade: upgrade === undefined ? null : upgrade.protocol,
      // Until the head of the answer, and between two pieces of its body (docs/decisions/0005-one-timeout.md).
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    },
    new Answer(exchange, replica),
  );
}

/** Receives the replica's answer. */
class Answer implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #replica: LiveReplica;
  readonly #began = performance.now();
  #controller: Dispatcher.DispatchController | undefined;
  #listens = false;
  #sized = false;

  constructor(exchange: Exchange, replica: LiveReplica) {
    this.#exchange = exchange;
    this.#replica = replica;
  }

  /** There is a connection, and the request goes out on it now. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    const exchange = this.#exchange;
    if (exchange.finished) controller.abort(new Error("The client went away"));
    else exchange.cancel = (reason) => controller.abort(reason);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // 1xx are between the replica and us; ours were sent by node:http.
    if (status < 200) return;
    const exchange = this.#exchange;
    const { response } = exchange;
    exchange.status = status;
    const timing = exchange.serverTiming(performance.now() - this.#began);
    const list = responseHeaders(headers, exchange.requestId, timing, exchange.cold);
    response.writeHead(status, list);
    // The head of a stream must not wait for its first piece.
    this.#sized = headers["content-length"] !== undefined;
    if (!this.#sized) response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response } = this.#exchange;
    if (response.write(chunk)) return;
    controller.pause();
    if (this.#listens) return;
    this.#listens = true;
    response.on("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    const exchange = this.#exchange;
    exchange.cancel = undefined;
    exchange.finish(this.#sized);
  }

  onRequestUpgrade(
    _: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    const exchange = this.#exchange;
    exchange.status = status;
    const timing = exchange.serverTiming(performance.now() - this.#began);
    openTunnel(exchange, responseHeaders(headers, exchange.requestId, timing, exchange.cold), socket);
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error & { code?: string }): void {
    const exchange = this.#exchange;
    if (exchange.finished) return;
    exchange.cancel = undefined;
    const { key, spec } = exchange.endpoint as LiveEndpoint;
    if (error instanceof FaasError || exchange.response.headersSent) exchange.fail(error);
    else if (error.code === "UND_ERR_HEADERS_TIMEOUT") {
      exchange.fail(
        new FaasError("FUNCTION_TIMEOUT", `${key} did not answer within its timeout of ${spec.timeoutMs} ms`),
      );
    } else if (this.#mayGoElsewhere()) {
      exchange.lastError = error;
      exchange.endpoint?.suspend(this.#replica);
      exchange.findAnotherReplica();
    } else void this.#failWithReason(error);
  }

  /** The connection broke because the process ended: of what, the platform knows. */
  async #failWithReason(error: Error): Promise<void> {
    const exchange = this.#exchange;
    const endpoint = exchange.endpoint as LiveEndpoint;
    const ended = await endpoint.endOf(this.#replica, END_KNOWN_MS);
    exchange.fail(
      ended === undefined
        ? replicaFailed(endpoint.key, error)
        : new FaasError(ended.code, ended.detail, { cause: error, extensions: { revision: ended.revision } }),
    );
  }

  /**
   * Nothing was sent yet; or, once, when sending it twice does no harm. A body that has begun to stream is gone
   * with the connection.
   */
  #mayGoElsewhere(): boolean {
    const exchange = this.#exchange;
    if (this.#controller === undefined) return true;
    if (exchange.body === undefined || exchange.upgrade || exchange.repeated) return false;
    exchange.repeated = true;
    return IDEMPOTENT.has(exchange.request.method as string);
  }
}
