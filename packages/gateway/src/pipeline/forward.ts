import type { Duplex } from "node:stream";
import { FaasError } from "@faas/core";
import type { ServedEndpoint, ServedReplica } from "../endpoints/registry.ts";
import { type ReplicaAnswer, type ReplicaCall, ReplicaTimeout } from "../upstream/connection.ts";
import type { ResponseHead } from "../upstream/response-head.ts";
import { copyOf } from "./buffer-pool.ts";
import { type Exchange, replicaFailed } from "./exchange.ts";
import { requestHeaders, responseHeaders } from "./forwarded-headers.ts";
import { RequestBody } from "./request-body.ts";
import { openTunnel } from "./websocket-tunnel.ts";

/** The wrapper answers at the timeout itself; a replica that is stuck does not, and we do, this much later. */
const TIMEOUT_GRACE_MS = 500;
/** A platform learns a little later than we do that a process ended. */
const END_KNOWN_MS = 700;
/** Executing twice does no harm (RFC 9110 section 9.2.2); nor for a client that says so (draft-ietf-httpapi-idempotency-key-header). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/**
 * Sends the request to the replica and its answer to the client, both as they come. What one replica did not take goes to
 * another. FUNCTION_TIMEOUT, REPLICA_FAILED, BODY_TOO_LARGE.
 */
export function forward(exchange: Exchange): void {
  const { request, upgrade } = exchange;
  const endpoint = exchange.endpoint as ServedEndpoint;
  const replica = exchange.replica as ServedReplica;
  replica.connections.send(
    {
      method: request.method as string,
      target: exchange.target,
      headers: requestHeaders(request, exchange.requestId, exchange.prefix),
      body: exchange.body === undefined ? new RequestBody(exchange) : exchange.body,
      upgrade: upgrade?.protocol,
      // Until the head of the answer, and between two pieces of its body (docs/decisions/0005-one-timeout.md).
      timeoutMs: endpoint.spec.timeoutMs + TIMEOUT_GRACE_MS,
    },
    new Answer(exchange, replica),
  );
}

/** A body up to this size goes to the client as one string with its head: in one write, where the replica sent it in one. */
const AS_TEXT_BYTES = 16 * 1024;

/** Receives the replica's answer. */
class Answer implements ReplicaAnswer {
  readonly #exchange: Exchange;
  readonly #replica: ServedReplica;
  readonly #began = performance.now();
  #call: ReplicaCall | undefined;
  #listens = false;
  #sized = false;

  constructor(exchange: Exchange, replica: ServedReplica) {
    this.#exchange = exchange;
    this.#replica = replica;
  }

  sending(call: ReplicaCall): boolean {
    this.#call = call;
    const exchange = this.#exchange;
    if (exchange.finished) return false;
    exchange.call = call;
    return true;
  }

  head(head: ResponseHead): void {
    const { status, framing } = head;
    const exchange = this.#exchange;
    const { response } = exchange;
    exchange.status = status;
    const timing = exchange.serverTiming(performance.now() - this.#began);
    response.writeHead(status, responseHeaders(head, exchange.requestId, timing, exchange.cold));
    // The head of a stream must not wait for its first piece.
    this.#sized = framing.kind === "length" || framing.kind === "none";
    if (!this.#sized) response.flushHeaders();
  }

  data(bytes: Buffer): boolean {
    const { response } = this.#exchange;
    const { copy, done } = copyOf(bytes);
    if (response.write(copy, done)) return true;
    if (!this.#listens) {
      this.#listens = true;
      response.on("drain", () => this.#exchange.call?.resume());
    }
    return false;
  }

  end(last: Buffer | undefined): void {
    const exchange = this.#exchange;
    exchange.call = undefined;
    if (last === undefined) exchange.finish(this.#sized);
    else exchange.finish(this.#sized, last.length <= AS_TEXT_BYTES ? last.toString("latin1") : Buffer.from(last));
  }

  upgraded(head: ResponseHead, socket: Duplex): void {
    const exchange = this.#exchange;
    exchange.status = head.status;
    const timing = exchange.serverTiming(performance.now() - this.#began);
    openTunnel(exchange, responseHeaders(head, exchange.requestId, timing, exchange.cold), socket);
  }

  failed(error: Error): void {
    const exchange = this.#exchange;
    if (exchange.finished) return;
    exchange.call = undefined;
    const { key, spec } = exchange.endpoint as ServedEndpoint;
    if (error instanceof FaasError || exchange.response.headersSent) exchange.fail(error);
    else if (error instanceof ReplicaTimeout) {
      exchange.fail(
        new FaasError("FUNCTION_TIMEOUT", `${key} did not answer within its timeout of ${spec.timeoutMs} ms`),
      );
    } else if (this.#mayGoElsewhere(error)) {
      exchange.lastError = error;
      exchange.endpoint?.suspend(this.#replica);
      exchange.retryOnAnotherReplica();
    } else void this.#failWithReason(error);
  }

  /** The connection broke because the process ended: of what, the platform knows. */
  async #failWithReason(error: Error): Promise<void> {
    const exchange = this.#exchange;
    const endpoint = exchange.endpoint as ServedEndpoint;
    // Not only when that is known: until then other requests would go there.
    endpoint.avoid(this.#replica);
    exchange.releaseReplica();
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
  #mayGoElsewhere(error: Error): boolean {
    const exchange = this.#exchange;
    if (this.#call === undefined) return true;
    if (exchange.body === undefined || exchange.upgrade) return false;
    // A whole request is one write: the replica had closed the connection before, and the kernel took none of it.
    if ((error as NodeJS.ErrnoException).syscall === "write") return true;
    if (exchange.repeated) return false;
    exchange.repeated = true;
    const { method, headers } = exchange.request;
    return IDEMPOTENT.has(method as string) || headers["idempotency-key"] !== undefined;
  }
}
