import type { Socket } from "node:net";
import type { Call } from "../call.ts";
import { bodyLimit } from "../options.ts";
import { emitForCall } from "../output/output-tags.ts";
import type { Problem } from "../problem.ts";
import { bodyTooLarge, declaresTooLarge } from "../request/body-limit.ts";
import { rawProblem } from "../response/problem.ts";
import { isDraining } from "../shutdown.ts";
import { reportTimesOfApp } from "../trace/run-traced.ts";
import type { NodeApp } from "./node-app.ts";

/** Hands a call to an application. Resolves when its response has been sent or its connection is closed. */
export function runApp(call: Call, app: NodeApp): Promise<void> {
  const { request, response } = call;
  if (declaresTooLarge(request)) throw bodyTooLarge();
  if (request.headers["transfer-encoding"] !== undefined) limitBody(call);
  setAddress(request.socket);
  if (!request.complete) emitForCall(request, call.requestId);
  response.setHeader("X-Request-Id", call.requestId);
  reportTimesOfApp(call);
  if (isDraining) response.shouldKeepAlive = false;
  call.progress = 0;
  return new Promise((resolve, reject) => {
    response.once("close", resolve);
    const result = app.request(request, response);
    if (typeof (result as PromiseLike<unknown> | undefined)?.then === "function")
      (result as PromiseLike<unknown>).then(undefined, reject);
  });
}

/** Tests whether the response of an application has got further since the last time: more was written, or the client has read more. */
export function hasProgressed(call: Call): boolean {
  const { socket, headersSent } = call.response;
  if (!headersSent || socket === null) return false;
  const before = call.progress;
  call.progress = 2 * socket.bytesWritten - socket.writableLength;
  return call.progress !== before;
}

/**
 * Answers a call of an application with a problem, past its response: what the application writes to that later is lost, and not an error as it would be
 * after other headers. Closes the connection.
 */
export function answerForApp({ request, response, requestId }: Call, problem: Problem): void {
  const { socket } = response;
  if (response.headersSent || response.destroyed || socket === null) request.socket.destroy();
  else {
    socket.write(rawProblem(problem, requestId, request.method !== "HEAD"));
    socket.destroySoon();
  }
}

/** Answers 413 as soon as a body without a declared length is over the limit. */
function limitBody(call: Call): void {
  const { request } = call;
  const { push } = request;
  let size = 0;
  request.push = (chunk: Buffer | null, ...rest) => {
    size += chunk?.length ?? 0;
    if (size <= bodyLimit) return push.call(request, chunk, ...rest);
    answerForApp(call, bodyTooLarge());
    return false;
  };
}

/** Gives the connection of a Unix socket an address, that of a proxy on the same machine: frameworks expect one. */
function setAddress(socket: Socket): void {
  if (socket.remoteAddress !== undefined || socket.destroyed) return;
  for (const [name, value] of [
    ["remoteAddress", "127.0.0.1"],
    ["remoteFamily", "IPv4"],
    ["remotePort", 0],
  ])
    Object.defineProperty(socket, name as string, { configurable: true, value });
}
