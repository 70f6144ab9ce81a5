import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { FaasError } from "@faas/core";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { ServedReplica } from "../endpoints/served-replica.ts";
import { type ReplicaCall, ReplicaTimeout, type ResponseHandler } from "../upstream/connection.ts";
import type { ResponseHead } from "../upstream/response-head.ts";
import type { WebSocketTunnels } from "../websocket/tunnel.ts";
import type { RoutedExchange, Stage } from "./exchange.ts";
import { ownLines, passedOnHeaders, requestLines } from "./headers/forwarded-headers.ts";
import { isEventStream, lostResultEvent } from "./lost-result.ts";
import { replicaFailed } from "./replica-failed.ts";
import { RequestBody } from "./request-body.ts";

/** The wrapper responds at the timeout itself; for a replica that is stuck, the gateway responds this much later. */
const TIMEOUT_GRACE_MS = 500;
/** Time for a platform to report that a process exited, after its connections closed. */
const EXIT_REPORT_MS = 700;
/** Time for such a report if the request can be repeated. In a cluster, the report takes longer, and waiting for it is better than ending a second replica. */
const REPEAT_REPORT_MS = 6_000;
/** Failures of a replica within this time have one cause. */
const SAME_FAILURE_MS = 1_000;
/**
 * Methods of requests that can be sent twice without harm (RFC 9110 section 9.2.2). A client can mark others as such
 * (draft-ietf-httpapi-idempotency-key-header).
 */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/**
 * Sends the request to the replica and the response to the client, both as they arrive. A request that the replica did not accept goes to another one.
 * @throws FUNCTION_TIMEOUT, REPLICA_FAILED, BODY_TOO_LARGE
 */
export function forward(endpoints: Pick<EndpointRegistry, "get">, tunnels: WebSocketTunnels): Stage {
  const context = { isEndpoint: (key: string) => endpoints.get(key) !== undefined, tunnels };
  return (exchange) => send(exchange, context);
}

/** Parts of the gateway that every response uses. */
interface RelayContext {
  readonly isEndpoint: (key: string) => boolean;
  readonly tunnels: WebSocketTunnels;
}

function send(exchange: RoutedExchange, context: RelayContext): void {
  const { request, upgrade, endpoint, replica } = exchange;
  if (replica === undefined) throw new Error("a request is forwarded after it has acquired a slot");
  replica.connections.send(
    {
      method: request.method,
      target: exchange.target,
      headerLines: requestLines(exchange),
      body: exchange.body === undefined ? new RequestBody(exchange) : exchange.body,
      upgrade: upgrade?.protocol,
      // Applies to the head of the response, and to each pause in its body (docs/decisions/0005-one-timeout.md).
      timeoutMs: endpoint.spec.timeoutMs + TIMEOUT_GRACE_MS,
    },
    new ResponseRelay(exchange, replica, context),
  );
}

/** A body up to this size goes to the client as one string together with its head: in one write, if the replica sent it in one. */
const TEXT_BYTES = 16 * 1024;

/** Passes the replica's response on to the client. */
class ResponseRelay implements ResponseHandler {
  readonly #exchange: RoutedExchange;
  readonly #replica: ServedReplica;
  readonly #context: RelayContext;
  readonly #began = performance.now();
  #call: ReplicaCall | undefined;
  #sized = false;
  /** Head of the response, once it has begun. */
  #head: ResponseHead | undefined;

  constructor(exchange: RoutedExchange, replica: ServedReplica, context: RelayContext) {
    this.#exchange = exchange;
    this.#replica = replica;
    this.#context = context;
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
    exchange.trace?.responded(head.times);
    const now = performance.now();
    exchange.headMs = now - exchange.arrived;
    const timing = exchange.serverTiming(exchange.lostMs + now - this.#began);
    this.#head = head;
    this.#sized = framing.kind === "length" || framing.kind === "none";
    // The head of a stream must not wait for its first chunk.
    const headers = passedOnHeaders(head, exchange, this.#context.isEndpoint);
    response.writeHead(status, headers, ownLines(exchange, timing), !this.#sized);
  }

  data(bytes: Buffer): boolean {
    return this.#exchange.response.write(bytes);
  }

  end(last: Buffer | undefined): void {
    const exchange = this.#exchange;
    exchange.call = undefined;
    exchange.finish(this.#sized, last !== undefined && last.length <= TEXT_BYTES ? last.toString("latin1") : last);
  }

  upgraded(head: ResponseHead, socket: Duplex): void {
    const exchange = this.#exchange;
    exchange.status = head.status;
    const timing = exchange.serverTiming(exchange.lostMs + performance.now() - this.#began);
    const { isEndpoint, tunnels } = this.#context;
    tunnels.open(exchange, passedOnHeaders(head, exchange, isEndpoint), ownLines(exchange, timing), socket);
  }

  failed(error: Error): void {
    const exchange = this.#exchange;
    if (exchange.finished) return;
    exchange.call = undefined;
    exchange.lostMs += performance.now() - this.#began;
    exchange.trace?.attemptFailed(error.message);
    const { endpoint } = exchange;
    if (this.#head !== undefined && exchange.response.headSent) this.#endBroken(error, this.#head);
    else if (error instanceof FaasError) exchange.fail(error);
    else if (error instanceof ReplicaTimeout) {
      const { timeoutMs } = endpoint.spec;
      exchange.fail(
        new FaasError("FUNCTION_TIMEOUT", `${endpoint.title} did not respond within its timeout of ${timeoutMs} ms`),
      );
    } else if (this.#wasUnseen(error)) {
      exchange.lastError = error;
      endpoint.eject(this.#replica);
      exchange.retryOnAnotherReplica();
    } else void this.#answerFailure(error);
  }

  /** Ends a response that has begun: the client can tell that it is not complete. */
  #endBroken(error: Error, head: ResponseHead): void {
    const exchange = this.#exchange;
    const event = isEventStream(head) ? lostResultEvent(exchange) : undefined;
    if (event === undefined) exchange.fail(error);
    else exchange.finish(false, Buffer.from(event));
  }

  canMove(): boolean {
    if (this.#call === undefined) return true;
    return !this.#exchange.response.headSent && this.#canRepeat();
  }

  /**
   * Sends a request that the replica accepted once more, to another one, if that does no harm, or fails with the reason why the replica's process ended. A
   * request that was the only one on the replica is not repeated if the process ended by itself: it would end the next replica too.
   */
  async #answerFailure(error: Error): Promise<void> {
    const exchange = this.#exchange;
    const { endpoint } = exchange;
    const replica = this.#replica;
    const since = performance.now();
    const repeats = this.#canRepeat();
    const isSuspect = replica.inFlight === 1 && since - replica.failedAt > SAME_FAILURE_MS;
    replica.failedAt = since;
    // Ejects it before the reason is known: other requests would be sent to it until then.
    if (repeats) endpoint.eject(replica);
    else endpoint.ejectIfOthers(replica);
    exchange.releaseReplica();
    const isInnocent = repeats && (!isSuspect || (await replica.connections.accepts()));
    const ended = isInnocent ? undefined : await endpoint.exitOf(replica, repeats ? REPEAT_REPORT_MS : EXIT_REPORT_MS);
    exchange.lostMs += performance.now() - since;
    if (exchange.finished) return;
    if (repeats && (ended === undefined || ended.killed)) {
      exchange.repeated = true;
      exchange.lastError = error;
      exchange.retryOnAnotherReplica();
    } else if (ended === undefined) exchange.fail(replicaFailed(endpoint.title, error));
    else {
      const { code, detail, revision } = ended;
      exchange.fail(new FaasError(code, detail, { cause: error, extensions: { revision } }));
    }
  }

  /** Tells whether the replica cannot have seen the request, which can then go to another one, whatever its method. */
  #wasUnseen(error: Error): boolean {
    if (this.#call === undefined) return true;
    const { body, upgrade } = this.#exchange;
    if (body === undefined || upgrade) return false;
    // A whole request is one write: the replica had closed the connection before, and the kernel accepted none of it.
    return (error as NodeJS.ErrnoException).syscall === "write";
  }

  /** Tells whether the request can be sent once more: it was not yet, and sending it twice does no harm. A body that was being streamed is lost with the connection. */
  #canRepeat(): boolean {
    const { body, upgrade, repeated, request } = this.#exchange;
    if (body === undefined || upgrade || repeated) return false;
    return IDEMPOTENT.has(request.method) || request.headers["idempotency-key"] !== undefined;
  }
}
