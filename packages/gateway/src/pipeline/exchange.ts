import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { FaasError } from "@faas/core";
import type { ServedEndpoint, ServedReplica } from "../endpoints/registry.ts";
import type { Waiter } from "../endpoints/wait-queue.ts";
import { problemResponse } from "../http/problem-response.ts";
import { requestIdOf } from "../http/request-id.ts";
import type { ReplicaCall } from "../upstream/connection.ts";

/** One step of the gateway. It ends with `proceed()`, at once or later, or with `fail()`, which goes on at the last stage. */
export type Stage = (exchange: Exchange) => void;

/** A body that goes on after the answer is read so long, so that the client gets to see the answer. */
const LEFTOVER_MS = 5_000;

/** One invocation on its way through the gateway. */
export class Exchange implements Waiter {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** `performance.now()`. */
  readonly arrived = performance.now();
  /** The client waits for `100 Continue` before it sends the body. */
  expectsContinue = false;
  /** A client that wants another protocol: its connection, and what it sent already. */
  upgrade: { readonly protocol: string; readonly socket: Duplex; readonly head: Buffer } | undefined;

  /** Of an upgrade: aborted when the key that it was asked with is revoked or expires. */
  keySignal: AbortSignal | undefined;

  /** Undefined until it is routed. */
  endpoint: ServedEndpoint | undefined;
  /** `/<org>/<endpoint>`. */
  prefix = "";
  /** What the replica gets: the rest of the path and the query. */
  target = "";
  /** The whole body where it is small; undefined: it streams; null: there is none. */
  body: Buffer | null | undefined = null;
  /** It counts as a request of its organization that is under way. */
  admitted = false;
  /** A place on it is taken for this request. */
  replica: ServedReplica | undefined;
  /** It came when no replica was ready. */
  cold = false;
  /** Milliseconds that it waited for a place. */
  waitedMs = 0;
  /** Of these, milliseconds until a replica was ready. */
  coldMs = 0;
  /** Why the last replica did not take it. */
  lastError: Error | undefined;
  /** It was sent again after a replica took it and broke off. */
  repeated = false;
  /** To the replica, while it is under way. */
  call: ReplicaCall | undefined;
  /** The status that the client got; 499, as nginx has it, when it went away before there was one. */
  status = 499;

  // Links of the line that it waits in.
  previous: Waiter | undefined;
  next: Waiter | undefined;

  readonly #stages: readonly Stage[];
  #stage = 0;
  #finished = false;
  #waitBegan = 0;
  #waitTimer: NodeJS.Timeout | undefined;

  constructor(stages: readonly Stage[], request: IncomingMessage, response: ServerResponse) {
    this.#stages = stages;
    this.request = request;
    this.response = response;
    this.requestId = requestIdOf(request.headers);
    response.on("close", () => this.#abandon());
  }

  /** It has its answer, or its client has gone. */
  get finished(): boolean {
    return this.#finished;
  }

  proceed(): void {
    const stage = this.#stages[this.#stage++];
    try {
      stage?.(this);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Gives the place back and runs the two stages before the present one again: to find another replica. */
  retryOnAnotherReplica(): void {
    this.releaseReplica();
    this.#stage -= 3;
    this.proceed();
  }

  releaseReplica(): void {
    const { replica } = this;
    if (replica === undefined) return;
    this.replica = undefined;
    this.endpoint?.release(replica, Date.now());
  }

  /** Joins the endpoint's line; goes on with a place on a replica, or fails after `waitMs` in all. */
  wait(waitMs: number): void {
    const endpoint = this.endpoint as ServedEndpoint;
    this.#waitBegan = performance.now();
    this.#waitTimer = setTimeout(() => this.#waitedTooLong(waitMs), Math.max(0, waitMs - this.waitedMs));
    // One that had its turn and met a dead replica does not go to the end of the line.
    if (this.lastError === undefined) endpoint.wait(this);
    else endpoint.waitFirst(this);
  }

  onSlot(replica: ServedReplica): void {
    this.#waitEnded();
    this.replica = replica;
    this.proceed();
  }

  onRejected(error: Error): void {
    this.#waitEnded();
    this.fail(error);
  }

  /**
   * The replica has answered. `sized`: the client can tell the end of the answer without our saying so. `last` is the rest of the body;
   * a string is latin1.
   */
  finish(sized: boolean, last?: string | Buffer): void {
    if (this.#finished) return;
    this.#finished = true;
    if (this.replica) this.replica.failures = 0;
    this.#end(sized, last);
    this.#record();
  }

  /** A connection that was handed over has ended. */
  upgradeEnded(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#record();
  }

  /** Answers with a problem document, where nothing was answered yet; cuts the connection otherwise. */
  fail(error: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#leaveLine();
    this.call?.abort();
    if (this.replica && isReplicaFailure(error)) this.endpoint?.avoid(this.replica);
    const { response } = this;
    if (response.headersSent) response.destroy();
    else if (!response.destroyed) this.#answerProblem(error);
    this.#record();
  }

  /** `Server-Timing` (W3C): milliseconds for a place, for a replica to start, and until the head of the function's answer; which replica it was. */
  serverTiming(execMs: number): string {
    const exec = this.replica ? `${execMs.toFixed(2)}, replica;desc=${this.replica.id}` : execMs.toFixed(2);
    if (this.waitedMs === 0) return `queue;dur=0, cold;dur=0, exec;dur=${exec}`;
    const queue = this.waitedMs - this.coldMs;
    return `queue;dur=${queue.toFixed(2)}, cold;dur=${this.coldMs.toFixed(2)}, exec;dur=${exec}`;
  }

  #answerProblem(error: unknown): void {
    const { response } = this;
    const { status, headers, body } = problemResponse(error, this.requestId);
    headers["Server-Timing"] = this.serverTiming(0);
    if (this.cold) headers["X-Cold-Start"] = "true";
    this.status = status;
    response.writeHead(status, headers);
    this.#end(true, Buffer.from(body));
  }

  /**
   * The rest of a body that nobody wants is read and thrown away, for a bounded time. Closing at once would reset the
   * connection, and the client might lose the answer (RFC 9112 section 9.6).
   */
  #end(sized: boolean, last?: string | Buffer): void {
    const { request, response } = this;
    if (request.complete || this.expectsContinue) return void response.end(last, "latin1");
    if (last !== undefined) response.write(last, "latin1");
    const closes = !response.shouldKeepAlive;
    if (!closes || !sized) response.end();
    const timer = setTimeout(() => request.destroy(), LEFTOVER_MS).unref();
    request.once("close", () => {
      clearTimeout(timer);
      response.end();
    });
    request.resume();
  }

  #abandon(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#leaveLine();
    this.call?.abort();
    this.#record();
  }

  #record(): void {
    this.releaseReplica();
    if (this.admitted) this.endpoint?.org.leave();
    this.#stages.at(-1)?.(this);
  }

  #waitedTooLong(waitMs: number): void {
    const { key, replicas } = this.endpoint as ServedEndpoint;
    const within = `within ${waitMs / 1000} s`;
    if (this.lastError) this.fail(replicaFailed(key, this.lastError));
    else if (replicas.length === 0)
      this.fail(new FaasError("START_TIMEOUT", `No replica of ${key} was ready ${within}`));
    else this.fail(new FaasError("NO_CAPACITY", `All replicas of ${key} were busy; none had a place ${within}`));
  }

  #leaveLine(): void {
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
    if (!this.cold) return;
    const readySince = this.endpoint?.readySince || now;
    this.coldMs += Math.min(waited, Math.max(0, readySince - this.#waitBegan));
  }
}

/** It is the replica's fault: it broke off, ended, or did not answer even at its timeout. A function's own 502 is an answer. */
const isReplicaFailure = (error: unknown) =>
  error instanceof FaasError && (error.status === 502 || error.status === 504);

export function replicaFailed(key: string, cause: Error): FaasError {
  return new FaasError(
    "REPLICA_FAILED",
    `The connection to the replica of ${key} broke before it answered (${cause.message}); "faas logs ${key}" may say why`,
    { cause },
  );
}
