import type { NodeApp } from "../app/node-app.ts";
import type { Call, Context } from "../call.ts";
import type { Problem } from "../problem.ts";
import type { FunctionEvent } from "../request/event.ts";
import type { FunctionSocket } from "../websocket/function-socket.ts";

/** Exports of the user's module. `default` is the whole of a CommonJS module. */
export type UserModule = Record<string, unknown> & { readonly default?: Record<string, unknown> };

export type Handler = (event: FunctionEvent, context: Context) => unknown;
/** Calls a web-standard `fetch` with the arguments that it takes. */
export type FetchHandler = (request: Request, call: Call) => unknown;
/** Answers a call by itself. Its result is sent like that of a handler, unless it has responded. */
export type Responder = (call: Call) => unknown;
/** Handles a WebSocket, which is accepted when it is used or when this returns nothing; any other result rejects it. */
export type WebSocketHandler = (socket: FunctionSocket, event: FunctionEvent, context: Context) => unknown;

/** Result of loading the user's code: one of a handler, a web-standard `fetch`, an application, a function of another platform, and the reason why every call fails. */
export interface LoadedFunction {
  readonly handler?: Handler;
  readonly fetch?: FetchHandler;
  readonly app?: NodeApp;
  readonly respond?: Responder;
  readonly websocket?: WebSocketHandler;
  readonly problem?: Problem;
}
