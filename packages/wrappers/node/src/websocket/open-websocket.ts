import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Call, Upgrade } from "../call.ts";
import type { LoadedFunction, WebSocketHandler } from "../load/loaded-function.ts";
import { timeoutMs } from "../options.ts";
import { emitForCall } from "../output/output-tags.ts";
import { messageOf, Problem } from "../problem.ts";
import { FunctionEvent } from "../request/event.ts";
import { rawProblem } from "../response/problem.ts";
import { sendResult } from "../response/result.ts";
import { FunctionSocket } from "./function-socket.ts";
import { acceptance, checkHandshake, offeredProtocols } from "./handshake.ts";
import { addOpenSocket, isAnswered } from "./open-sockets.ts";

/**
 * Opens the WebSocket of a call, by the application's own listeners or by the exported `websocket`. Resolves when it is closed. Returns undefined if the
 * code takes none but may answer the request.
 *
 * @throws UPGRADE_REQUIRED for a function without `websocket`
 */
export function openWebSocket(call: Call, upgrade: Upgrade, loaded: LoadedFunction): Promise<void> | undefined {
  const { app, websocket, handler } = loaded;
  const server = app?.server;
  if (server !== undefined && server.listenerCount("upgrade") > 0) return openByApp(call, upgrade, server);
  if (websocket !== undefined) return openByFunction(call, upgrade, websocket);
  if (handler === undefined) return undefined;
  throw new Problem("UPGRADE_REQUIRED", 'The function does not accept WebSockets: it does not export "websocket"');
}

/** Gives the connection to the listeners of the application's server. */
function openByApp(call: Call, { socket, head }: Upgrade, server: EventEmitter): Promise<void> {
  takeOver(call, socket);
  const answer = (problem: Problem) =>
    isAnswered(socket) ? socket.destroy() : socket.end(rawProblem(problem, call.requestId));
  // An open WebSocket has no time limit.
  const timer = setTimeout(() => {
    const detail = `The application did not accept the WebSocket within ${timeoutMs} ms`;
    if (!isAnswered(socket)) answer(new Problem("FUNCTION_TIMEOUT", detail));
  }, timeoutMs);
  return new Promise((resolve, reject) => {
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    try {
      server.emit("upgrade", call.request, socket, head);
    } catch (error) {
      answer(new Problem("FUNCTION_ERROR", messageOf(error)));
      reject(error);
    }
  });
}

/** Calls the exported `websocket`, which accepts the WebSocket by using it, or rejects it by returning a response. */
async function openByFunction(call: Call, { socket, head }: Upgrade, websocket: WebSocketHandler): Promise<void> {
  const { request, requestId } = call;
  checkHandshake(request);
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  const accept = (protocol: string) => {
    if (call.isLate || socket.destroyed) throw new Error("The WebSocket was closed before it was accepted");
    takeOver(call, socket);
    socket.write(acceptance(request, requestId, protocol));
    return { stream: socket, head };
  };
  const opened = new FunctionSocket({ requestId, offered: offeredProtocols(request), accept });
  try {
    const result = await websocket(opened, new FunctionEvent(request), call.context);
    if (opened.readyState !== opened.CONNECTING) await closed;
    else if (result !== undefined && result !== null) await sendResult(call, result);
    else {
      opened.accept();
      await closed;
    }
  } catch (error) {
    if (opened.readyState === opened.CONNECTING) throw error;
    opened.fail(error);
    await closed;
  }
}

/** Takes the connection from its response, to which nothing was written. */
function takeOver(call: Call, socket: Socket): void {
  call.deadlines?.remove(call);
  call.response.detachSocket(socket);
  addOpenSocket(socket);
  emitForCall(socket, call.requestId);
}
