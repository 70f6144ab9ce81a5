import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { FaasError } from "@faas/core";
import type { Origin } from "../async-calls/recorded-call.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import type { ServedReplica } from "../endpoints/served-replica.ts";
import type { Waiter } from "../endpoints/wait-queue.ts";
import type { ClientCall, ClientListener, ClientRequest, ClientResponse } from "../http/call/client-call.ts";
import { HeaderBlock } from "../http/call/header-block.ts";
import type { Responder } from "../http/client-connection.ts";
import { problemResponse } from "../http/problem-response.ts";
import { requestIdFrom } from "../http/request-id.ts";
import type { CallTrace } from "../traces/call-trace.ts";
import type { BeginCall } from "../traces/call-tracer.ts";
import type { ReplicaCall } from "../upstream/connection.ts";
import { isReplicaFailure, replicaFailed } from "./replica-failed.ts";

/** Names of the stages, in their order. */
export type StageName =
  | "authorize"
  | "chooseVariant"
  | "redirectSite"
  | "admit"
  | "defer"
  | "queueFairly"
  | "activate"
  | "acquireSlot"
  | "forward";

/** A step of a routed request. It ends with `proceed()`, now or later, or fails, with `fail()` or by throwing. */
export type Stage = (exchange: RoutedExchange) => void;

/** A stage and the one after it. */
export interface StageNode {
  readonly run: Stage;
  readonly next: StageNode | undefined;
}

/** The way of a request through the gateway. */
export interface Pipeline {
  /** Finds the request's endpoint: calls `exchange.routeTo`, or throws. */
  readonly route: (exchange: Exchange) => void;
  readonly first: StageNode;
  /** First stage of a call whose trace is recorded. */
  readonly firstTraced: StageNode;
  readonly stages: Readonly<Record<StageName, StageNode>>;
  /** Runs at the end of every routed request, exactly once. */
  readonly record: Stage;
  /** Begins the traces of calls; absent where calls are not traced. */
  readonly beginTrace?: BeginCall | undefined;
  /** End of each `Server-Timing`: the name of the gateway, where there are several. */
  readonly timingSuffix: string;
}

/** An exchange that has been routed: it has an endpoint. */
export interface RoutedExchange extends Exchange {
  readonly endpoint: ServedEndpoint;
}

/** A request to change to another protocol. */
export interface UpgradeRequest {
  readonly protocol: string;
  /** Connection of the client. */
  readonly socket: Duplex;
  /** Bytes that the client sent already. */
  readonly head: Buffer;
  /** Detaches the connection from the response that would have declined. */
  detach(): void;
}

/** A request on its way through the gateway, and the response to it. */
export class Exchange implements Waiter, Responder, ClientListener {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly requestId: string;
  /** Key, "org/endpoint", of the endpoint that the request's host belongs to; `undefined` if the path names the endpoint. */
  readonly endpointAtHost: string | undefined;
  /** Source of the request; one that is not a client has authorized it. */
  readonly origin: Origin;
  /** `performance.now()`. */
  readonly arrived = performance.now();
  upgrade: UpgradeRequest | undefined;

  /** Aborted when the key that authorized an upgrade is revoked or expires. */
  keySignal: AbortSignal | undefined;

  /** Trace of the call, if it is recorded. */
  trace: CallTrace | undefined;
  /** Header lines for the replica of a call whose trace is not recorded, each after CR LF; `undefined` where calls are not traced. */
  traceLines: string | undefined;

  /** The request was accepted as an asynchronous call: its response is not that of the endpoint. */
  deferred = false;

  /** Undefined until the request has been routed. */
  endpoint: ServedEndpoint | undefined;
  /** The endpoint that was routed to, if `endpoint` is a variant of it. */
  main: ServedEndpoint | undefined;
  /** Revision or tag in the request's address. */
  revisionName: string | undefined;
  /** Header lines that the gateway adds to the response, each with CR LF. */
  ownLines = "";
  /** `/<org>/<endpoint>`, the part of the path that the replica does not get; empty at the endpoint's own host. */
  prefix = "";
  /** Path and query for the replica. */
  target = "";
  /** The whole body, as latin1, if it is small; `undefined` if it is streamed; `null` if there is none. */
  body: string | null | undefined = null;
  /** The request counts as one of its organization that is in progress. */
  admitted = false;
  /** The replica with a slot for this request. */
  replica: ServedReplica | undefined;
  /** The last replica that had a slot for this request, once the slot is released. */
  servedBy: ServedReplica | undefined;
  /** No replica was ready when the request arrived. */
  cold = false;
  /** Milliseconds that it waited for a slot. */
  waitedMs = 0;
  /** The part of `waitedMs` until a replica was ready. */
  coldMs = 0;
  /** Milliseconds on replicas that failed before they responded. */
  lostMs = 0;
  /** Milliseconds until the head of a replica's response; 0 without one. */
  headMs = 0;
  /** Why the last replica did not accept it. */
  lastError: Error | undefined;
  /** The request was sent again after a replica accepted it and failed. */
  repeated = false;
  /** The call to the replica, while it is in progress. */
  call: ReplicaCall | undefined;
  /** Status that the client received; 499, as in nginx, if it disconnected before there was one. */
  status = 499;

  // Links of the queue that it waits in.
  previous: Exchange | undefined;
  next: Exchange | undefined;

  readonly #pipeline: Pipeline;
  #nextStage: StageNode | undefined;
  #finished = false;
  #waitBegan = 0;
  #waitTimer: NodeJS.Timeout | undefined;

  /** @param endpointAtHost key of the endpoint that the request's host belongs to */
  constructor(pipeline: Pipeline, client: ClientCall, endpointAtHost: string | undefined, origin: Origin = "client") {
    this.#pipeline = pipeline;
    this.#nextStage = pipeline.first;
    this.origin = origin;
    this.request = client;
    this.response = client;
    this.requestId = requestIdFrom(client.headers["x-request-id"]);
    this.endpointAtHost = endpointAtHost;
    if (pipeline.beginTrace !== undefined) this.#beginTrace(pipeline.beginTrace);
    client.listener = this;
  }

  /** True for the delivery of an asynchronous call: synchronous ones come first. */
  get isBackground(): boolean {
    return this.origin === "queue";
  }

  /** True once the response is complete, or the client has disconnected. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Sends the request through the pipeline. */
  start(): void {
    try {
      this.#pipeline.route(this);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.isRouted()) this.proceed();
  }

  routeTo(endpoint: ServedEndpoint, prefix: string, target: string): void {
    this.endpoint = endpoint;
    this.prefix = prefix;
    this.target = target;
  }

  isRouted(): this is RoutedExchange {
    return this.endpoint !== undefined;
  }

  /** Runs the next stage. */
  proceed(this: RoutedExchange): void {
    const stage = this.#nextStage;
    this.#nextStage = stage?.next;
    try {
      stage?.run(this);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Releases the slot and goes back to find another replica. */
  retryOnAnotherReplica(this: RoutedExchange): void {
    this.releaseReplica();
    this.#nextStage = this.#pipeline.stages.activate;
    this.proceed();
  }

  releaseReplica(this: RoutedExchange): void {
    const { replica } = this;
    if (replica === undefined) return;
    this.replica = undefined;
    this.servedBy = replica;
    this.endpoint.release(replica, Date.now());
  }

  /** Joins the endpoint's queue: proceeds with a slot on a replica, or fails after `waitMs` in total. */
  wait(this: RoutedExchange, waitMs: number): void {
    this.#waitBegan = performance.now();
    this.#waitTimer = setTimeout(() => this.#waitedTooLong(waitMs), Math.max(0, waitMs - this.waitedMs));
    // A request that had a slot on a replica that turned out to be gone does not go to the end of the queue.
    if (this.lastError === undefined) this.endpoint.wait(this);
    else this.endpoint.waitFirst(this);
  }

  onSlot(this: RoutedExchange, replica: ServedReplica): void {
    this.#waitEnded();
    this.replica = replica;
    this.proceed();
  }

  onRejected(error: Error): void {
    this.#waitEnded();
    // Its variant was removed: another one is chosen.
    if (this.isRouted() && this.endpoint.removed && this.main?.removed === false) this.retryOnAnotherReplica();
    else this.fail(error);
  }

  /**
   * Ends the response.
   * @param sized whether the client can tell the end of the response before it is signaled
   * @param last the rest of the body, valid until it returns; a string is latin1
   */
  finish(sized: boolean, last?: string | Buffer): void {
    if (this.#finished) return;
    this.#finished = true;
    if (this.replica) this.replica.consecutiveFailures = 0;
    this.response.end(sized, last);
    this.#conclude();
  }

  /** Ends an exchange whose connection was upgraded, when that connection closes. */
  upgradeEnded(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#conclude();
  }

  #beginTrace(begin: BeginCall): void {
    const { traceparent, tracestate } = this.request.headers;
    const trace = begin(traceparent, tracestate);
    if (typeof trace === "string") this.traceLines = trace;
    else {
      this.trace = trace;
      this.#nextStage = this.#pipeline.firstTraced;
    }
  }

  /** Responds with a problem document; if the response has begun already, closes the connection instead. */
  fail(error: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#leaveQueue();
    this.call?.abort();
    if (this.replica && isReplicaFailure(error)) this.endpoint?.ejectIfOthers(this.replica);
    const { response } = this;
    if (response.headSent) response.destroy();
    else if (!response.closed) this.#respondProblem(error);
    this.#conclude();
  }

  /** Closes the client's connection without a response. */
  drop(): void {
    this.response.destroy();
  }

  /** Formats `Server-Timing` (W3C): milliseconds for a slot, for a cold start, and until the head of the function's response; the replica's id, and the gateway's name. */
  serverTiming(execMs: number): string {
    const { timingSuffix } = this.#pipeline;
    const exec = `${this.replica ? `${execMs.toFixed(2)}, replica;desc=${this.replica.id}` : execMs.toFixed(2)}${timingSuffix}`;
    if (this.waitedMs === 0) return `queue;dur=0, cold;dur=0, exec;dur=${exec}`;
    const queue = this.waitedMs - this.coldMs;
    return `queue;dur=${queue.toFixed(2)}, cold;dur=${this.coldMs.toFixed(2)}, exec;dur=${exec}`;
  }

  #respondProblem(error: unknown): void {
    const { status, code, headers, body } = problemResponse(error, this.requestId);
    if (this.trace !== undefined) this.trace.failure = code;
    headers["Server-Timing"] = this.serverTiming(this.lostMs);
    if (this.cold) headers["X-Cold-Start"] = "true";
    this.status = status;
    this.response.writeHead(status, HeaderBlock.of(Object.entries(headers).flat()), "", false);
    this.response.end(true, Buffer.from(body));
  }

  clientDrained(): void {
    this.call?.resume();
  }

  /** Ends an exchange whose client disconnected. */
  clientClosed(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#leaveQueue();
    this.call?.abort();
    this.#conclude();
  }

  /** Runs once, at the end, however the exchange ended. */
  #conclude(): void {
    if (!this.isRouted()) return;
    this.releaseReplica();
    if (this.admitted) this.endpoint.org.leave();
    if (!this.deferred) this.#pipeline.record(this);
  }

  #waitedTooLong(this: RoutedExchange, waitMs: number): void {
    const { title: key, replicas } = this.endpoint;
    const within = `within ${waitMs / 1000} s`;
    if (this.lastError) this.fail(replicaFailed(key, this.lastError));
    else if (replicas.length === 0)
      this.fail(new FaasError("START_TIMEOUT", `No replica of ${key} was ready ${within}`));
    else this.fail(new FaasError("NO_CAPACITY", `All replicas of ${key} were busy; none had a free slot ${within}`));
  }

  #leaveQueue(): void {
    if (this.#waitTimer === undefined) return;
    this.#waitEnded();
    this.endpoint?.stopWaiting(this);
  }

  #waitEnded(): void {
    clearTimeout(this.#waitTimer);
    this.#waitTimer = undefined;
    const now = performance.now();
    const waited = now - this.#waitBegan;
    this.waitedMs += waited;
    const readySince = this.endpoint?.readySince || now;
    const coldMs = this.cold ? Math.min(waited, Math.max(0, readySince - this.#waitBegan)) : 0;
    this.coldMs += coldMs;
    this.trace?.waited(this.#waitBegan, now, coldMs);
  }
}
