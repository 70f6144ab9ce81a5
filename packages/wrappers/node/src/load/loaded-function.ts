import type { NodeApp } from "../app/node-app.ts";
import type { Call, Context } from "../call.ts";
import type { Problem } from "../problem.ts";
import type { FunctionEvent } from "../request/event.ts";

/** Exports of the user's module. `default` is the whole of a CommonJS module. */
export type UserModule = Record<string, unknown> & { readonly default?: Record<string, unknown> };

export type Handler = (event: FunctionEvent, context: Context) => unknown;
/** Calls a web-standard `fetch` with the arguments that it takes. */
export type FetchHandler = (request: Request, call: Call) => unknown;
/** Answers a call by itself. Its result is sent like that of a handler, unless it has responded. */
export type Responder = (call: Call) => unknown;

/** Result of loading the user's code: one of a handler, a web-standard `fetch`, an application, a function of another platform, and the reason why every call fails. */
export interface LoadedFunction {
  readonly handler?: Handler;
  readonly fetch?: FetchHandler;
  readonly app?: NodeApp;
  readonly respond?: Responder;
  readonly problem?: Problem;
}
