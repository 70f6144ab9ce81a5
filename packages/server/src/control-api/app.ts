import type { Logger } from "@faas/core";
import Router from "@koa/router";
import Koa, { type Context } from "koa";
import type { AuditLog } from "../audit/audit-log.ts";
import { type ControlTraces, traced } from "../traces/trace-middleware.ts";
import { uiFiles } from "../ui/ui-files.ts";
import { audited } from "./audit-middleware.ts";
import { type AuthorizationDeps, authorize } from "./authorize.ts";
import { openApiDocument } from "./openapi.ts";
import { checkParameters } from "./parameters.ts";
import { problems } from "./problem-middleware.ts";
import { type Route, type RouteResponse, stateOf } from "./route.ts";
import { createRoutes, type RoutesDeps } from "./routes/index.ts";

/** Dependencies of the control API: of its middlewares, and of each of its routes. */
export type AppDeps = AuthorizationDeps &
  Omit<RoutesDeps, "openapi"> & {
    readonly audit: AuditLog;
    readonly log: Logger;
    /** Absent: requests are not traced. */
    readonly traces?: ControlTraces | undefined;
  };

/** Creates the control API: `/-/…` and `POST /add_endpoint`. */
export function createApp(deps: AppDeps): Koa {
  let document: object | undefined;
  const routes = createRoutes({
    ...deps,
    // Built on demand: it is large and seldom requested.
    openapi: () => {
      document ??= openApiDocument(routes, deps.config.version);
      return document;
    },
  });
  const router = new Router();
  for (const route of routes)
    router[route.method](route.path.replaceAll(/\{(\w+)\}/g, ":$1"), (context) => serve(context, route, deps));
  const app = new Koa();
  if (deps.traces) app.use(traced(deps.traces));
  app.use(audited(deps.audit, deps.log));
  app.use(problems(deps.log));
  app.use(uiFiles());
  app.use(router.routes());
  app.use(router.allowedMethods());
  // Koa's own errors: mostly clients that disconnected.
  app.on("error", (error) => deps.log.debug({ err: error }, "a response could not be finished"));
  return app;
}

async function serve(context: Context, route: Route, deps: AuthorizationDeps): Promise<void> {
  stateOf(context).route = route;
  const parameters = context.params as Readonly<Record<string, string>>;
  const permissions = authorize(context, route.requires, parameters.org, deps);
  checkParameters(parameters);
  const body = await route.requestBody?.read(context);
  send(context, await route.handle({ context, parameters, body, permissions }));
}

function send(context: Context, { status, body, contentType }: RouteResponse): void {
  // The status after the body: Koa takes an empty body for a 204, and one that is not for a 200.
  context.body = body ?? null;
  context.status = status;
  if (contentType !== undefined) context.type = contentType;
}
