import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Call } from "./call.ts";
import { loaded, whenLoaded } from "./load-function.ts";
import { createServer, type Server, ServerResponse } from "./node-http.ts";
import { Problem } from "./problem.ts";
import { bodyTooLarge, declaresTooLarge } from "./request/body-limit.ts";
import { JSON_TYPE } from "./response/head.ts";
import { rawProblem, sendProblem } from "./response/problem.ts";
import { send } from "./response/send.ts";
import { admission } from "./run-call.ts";
import { takesUpgrade } from "./websocket/offer.ts";

/** Answers the wrapper's own routes in a warm process. Returns false for those that a replica answers. */
let answerWarmRoute: ((call: Call, path: string) => boolean) | undefined;

/** Sets what answers the wrapper's own routes before a replica would. */
export function setOwnRoutes(answer: (call: Call, path: string) => boolean): void {
  answerWarmRoute = answer;
}

/** Creates the HTTP server, which does not listen yet: paths under `/-/` belong to the wrapper, all others call the function. */
export function createWrapperServer(): Server {
  const server = createServer(
    { maxHeaderSize: 16 * 1024, keepAliveTimeout: 75_000, requestTimeout: 0, headersTimeout: 60_000, noDelay: true },
    (request, response) => {
      const call = new Call(request, response);
      if (request.url?.startsWith("/-/")) answerOwnRoute(call);
      else admission.enter(call);
    },
  );
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    // Answered before the client sends the body, so that it need not send one that is too large.
    if (declaresTooLarge(request)) return sendProblem(new Call(request, response), bodyTooLarge());
    response.writeContinue();
    server.emit("request", request, response);
  });
  server.on("clientError", answerMalformed);
  server.on("upgrade", (request, socket, head) => acceptUpgrade(server, request, socket as Socket, head));
  // Available from Node 24.9 and 22.21; earlier versions treat every request that offers an upgrade as one.
  Object.assign(server, { shouldUpgradeCallback: takesUpgrade });
  return server;
}

/** Passes a WebSocket to the function. Offers of other protocols, such as HTTP/2, are ignored. */
function acceptUpgrade(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.end());
  socket.on("error", () => socket.destroy());
  if (!takesUpgrade(request) || request.url?.startsWith("/-/")) {
    server.emit("request", request, response);
    return;
  }
  const call = new Call(request, response);
  call.upgrade = { socket, head };
  admission.enter(call);
}

function answerOwnRoute(call: Call): void {
  const { url = "" } = call.request;
  const path = url.split("?", 1)[0] as string;
  if (answerWarmRoute?.(call, path)) return;
  if (path === "/-/ready") void answerReady(call);
  else sendProblem(call, new Problem("NOT_FOUND", `There is nothing at ${url}`));
}

/** Answers when loading has ended, with its problem if it failed. */
export async function answerReady(call: Call): Promise<void> {
  const { problem } = loaded ?? (await whenLoaded());
  if (problem) return sendProblem(call, problem);
  send(call, 200, { "Content-Type": JSON_TYPE }, '{"status":"ready"}');
}

/** Answers malformed HTTP, or a header over the limit, and closes the connection. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const problem =
    error.code === "HPE_HEADER_OVERFLOW"
      ? new Problem("HEADERS_TOO_LARGE", "Expected a header of at most 16 KiB, got more")
      : new Problem("INVALID_REQUEST", `Malformed HTTP: ${error.message.replace(/^Parse Error: /, "")}`);
  socket.end(rawProblem(problem));
}
