import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PROBLEM_MEDIA_TYPE, toProblem } from "@faas/core";
import type { LiveEndpoint } from "./endpoints.ts";

/** One invocation on its way through the gateway. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly arrived = performance.now();
  endpoint!: LiveEndpoint;
  prefix = "";
  target = "";
  /** It waited for a replica to start. */
  cold = false;
  /** Milliseconds that it waited for a place. */
  waitedMs = 0;
  /** Replicas that it was sent to. */
  attempts = 0;
  /** The whole body, where that is small; undefined: it streams; null: there is none. */
  body: Buffer | null | undefined = null;
  finished = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    this.requestId = requestIdOf(request);
  }

  /** The client has gone away. */
  get abandoned(): boolean {
    return this.response.destroyed || this.response.closed;
  }

  /** Answers with a problem document, where nothing was answered yet; cuts the connection otherwise. */
  refuse(error: unknown): void {
    const { response, request } = this;
    if (response.headersSent || response.destroyed) return void response.destroy();
    const problem = toProblem(error, this.requestId);
    const text = JSON.stringify(problem);
    const headers: Record<string, string | number> = {
      "Content-Type": PROBLEM_MEDIA_TYPE,
      "Content-Length": Buffer.byteLength(text),
      "X-Request-Id": this.requestId,
      "Server-Timing": this.serverTiming(0),
    };
    if (this.cold) headers["X-Cold-Start"] = "true";
    if (problem.status === 503) headers["Retry-After"] = 1;
    // A body that was not read would be taken for the next request.
    if (!request.complete) headers.Connection = "close";
    response.writeHead(problem.status, headers).end(text);
  }

  /** `Server-Timing` (W3C): milliseconds in the queue, for a cold start, and until the function's head came. */
  serverTiming(execMs: number): string {
    const waited = this.waitedMs.toFixed(2);
    return `queue;dur=${this.cold ? 0 : waited}, cold;dur=${this.cold ? waited : 0}, exec;dur=${execMs.toFixed(2)}`;
  }
}

/** The caller's, when it is short and plain; else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID();
}
