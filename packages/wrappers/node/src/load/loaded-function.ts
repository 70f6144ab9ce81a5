import type { NodeApp } from "../app/node-app.ts";
import type { Context } from "../call.ts";
import type { Problem } from "../problem.ts";
import type { FunctionEvent } from "../request/event.ts";

/** Exports of the user's module. `default` is the whole of a CommonJS module. */
export type UserModule = Record<string, unknown> & { readonly default?: Record<string, unknown> };

export type Handler = (event: FunctionEvent, context: Context) => unknown;
export type FetchHandler = (request: Request, context: Context) => unknown;

/** Result of loading the user's code: one of a handler, a web-standard `fetch`, an application, and the reason why every call fails. */
export interface LoadedFunction {
  readonly handler?: Handler;
  readonly fetch?: FetchHandler;
  readonly app?: NodeApp;
  readonly problem?: Problem;
}
