import type { IncomingMessage, ServerResponse } from "node:http";
import { Problem } from "../problem.ts";
import { capturedApp } from "./listen.ts";
import { isHttpServer, ListeningApp } from "./listening-app.ts";
import type { NodeApp, RequestListener } from "./node-app.ts";

/** Members by which the applications of the common frameworks are recognized. */
interface Members {
  readonly use?: unknown;
  readonly handle?: unknown;
  readonly handler?: unknown;
  readonly listen?: unknown;
  readonly ready?: unknown;
  readonly inject?: unknown;
  readonly init?: unknown;
  readonly initialize?: unknown;
  readonly callback?: unknown;
  readonly getHttpAdapter?: unknown;
  readonly getHttpServer?: unknown;
  readonly server?: unknown;
  readonly listener?: unknown;
}

const isFunction = (value: unknown): value is (...args: unknown[]) => unknown => typeof value === "function";

/** Tests for the functions with middleware of Express, Connect and their routers. */
export function isAppFunction(target: unknown): boolean {
  return isFunction(target) && isFunction((target as Members).use) && isFunction((target as Members).handle);
}

/**
 * Recognizes an exported application of a framework, or a server. Waits until it is ready to be called. Returns undefined for anything else.
 */
export async function exportedApp(target: unknown): Promise<NodeApp | undefined> {
  if (target === null || (typeof target !== "object" && !isFunction(target))) return undefined;
  if (isHttpServer(target)) return new ListeningApp(target);
  const app = target as Members;
  if (isFunction(target)) return isAppFunction(target) ? functionApp(target, app) : undefined;
  // Nest, over Express or Fastify.
  if (isFunction(app.getHttpAdapter) && isFunction(app.init)) {
    await app.init();
    const instance = (app.getHttpAdapter() as { getInstance?: () => Members }).getInstance?.();
    if (isFunction(instance?.ready)) await instance.ready();
    return serverApp((app.getHttpServer as () => unknown).call(app));
  }
  // Fastify cannot route before it is ready.
  if (isFunction(app.ready) && isFunction(app.inject)) {
    await app.ready();
    return serverApp(app.server);
  }
  // Hapi.
  if (isFunction(app.initialize) && isHttpServer(app.listener)) {
    await app.initialize();
    return serverApp(app.listener);
  }
  if (!isFunction(app.use) && !isFunction(app.listen)) return undefined;
  // Koa.
  if (isFunction(app.callback)) return listenerApp(app.callback() as RequestListener);
  // Polka.
  if (isFunction(app.handler)) return listenerApp(app.handler.bind(app) as RequestListener);
  // Restify and others that make their server early.
  return isHttpServer(app.server) ? serverApp(app.server) : undefined;
}

/** Returns the application of a `(request, response)` function. */
export function listenerApp(listener: RequestListener): NodeApp {
  return {
    request: listener,
    get server() {
      return capturedApp()?.server;
    },
  };
}

function serverApp(server: unknown): NodeApp | undefined {
  return isHttpServer(server) ? new ListeningApp(server) : undefined;
}

/** Returns the application of a function with middleware. A router, which is not an application, leaves requests to the next one. */
function functionApp(target: (...args: unknown[]) => unknown, { listen }: Members): NodeApp {
  if (isFunction(listen)) return listenerApp(target as RequestListener);
  return listenerApp(
    (request: IncomingMessage, response: ServerResponse) =>
      new Promise((_, reject) => {
        target(request, response, (error: unknown) =>
          reject(error ?? new Problem("NOT_FOUND", `There is nothing at ${request.url}`)),
        );
      }),
  );
}

/** Parameter names of `(request, response)` functions. */
const REQUEST = ["req", "request", "_req", "_request", "_", "__"];
const RESPONSE = ["res", "response", "_res", "_response"];

/** Tests whether parameter names are those of a `(request, response)` function, which is certain only for these. */
export function isRequestListener(names: readonly string[]): boolean {
  return (
    names.length >= 2 && names.length <= 3 && RESPONSE.includes(names[1] ?? "") && REQUEST.includes(names[0] ?? "")
  );
}
