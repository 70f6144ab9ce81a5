import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import {
  FaasError,
  type Limits,
  type Logger,
  type Platform,
  PROBLEM_MEDIA_TYPE,
  type ServerConfig,
  toProblem,
} from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";
import { CHALLENGE } from "@faas/gateway";
import Router from "@koa/router";
import Koa, { type Context, type Next } from "koa";
import type { AuditLog } from "../audit/audit-log.ts";
import type { KeyService } from "../auth/key-service.ts";
import type { BundleAccess } from "../bundles/bundle-access.ts";
import type { BundleStore } from "../bundles/bundle-store.ts";
import type { StorageQuota } from "../bundles/storage-quota.ts";
import type { DeploymentController } from "../deployments/controller.ts";
import type { LogStore } from "../logs/log-store.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { SecretService } from "../secrets/secret-service.ts";
import type { Store } from "../state/store.ts";
import { audited } from "./audit-middleware.ts";
import { answerAndDrain } from "./drain-body.ts";
import { checkLocalHost } from "./host-check.ts";
import { openapi } from "./openapi.ts";
import { Access } from "./permissions.ts";
import type { Route } from "./route.ts";
import { checkParameters, routes } from "./routes/index.ts";

/** What the control API works with. */
export interface AppDeps {
  readonly store: Store;
  readonly bundles: BundleStore;
  readonly grants: BundleAccess;
  readonly bundleRoom: StorageQuota;
  /** What counts for organizations that have no limit of their own. */
  readonly defaultLimits: Limits;
  readonly keys: KeyService;
  /** Whether keys are required. */
  readonly isAuth: boolean;
  /** Whether only this machine reaches the server. */
  readonly isLocal: boolean;
  readonly audit: AuditLog;
  readonly deployments: DeploymentController;
  readonly secrets: SecretService;
  readonly endpoints: EndpointRegistry;
  readonly platform: Pick<Platform, "name" | "accepts" | "registryLogin" | "notReady">;
  readonly metrics: Metrics;
  readonly logs: Pick<LogStore, "read">;
  readonly config: ServerConfig;
  readonly log: Logger;
  readonly openapi: () => object;
  readonly stopping: () => boolean;
  /** Aborted when answers that would never end have to. */
  readonly ending: AbortSignal;
}

/** The same for one request. */
export interface RequestDeps extends AppDeps {
  /** What who asks may do. */
  readonly access: Access;
}

/** The control API: `/-/…` and `POST /add_endpoint`. */
export function createApp(deps: Omit<AppDeps, "openapi">): Koa {
  const app = new Koa();
  let document: object | undefined;
  // Made when somebody asks: it is large, and few do.
  const all: AppDeps = {
    ...deps,
    openapi() {
      document ??= openapi(routes, deps.config.version);
      return document;
    },
  };
  const router = new Router();
  for (const route of routes) {
    router[route.method](route.path.replaceAll(/\{(\w+)\}/g, ":$1"), async (context) => {
      context.state.route = route;
      const access = accessOf(context, route, all);
      checkParameters(context.params);
      await route.handle(context, context.params, { ...all, access });
    });
  }
  app.use(audited(deps.audit, deps.log));
  app.use((context, next) => answerProblems(context, next, deps.log));
  app.use(router.routes());
  app.use(router.allowedMethods());
  // Koa's own complaints: a client that went away in the middle, mostly.
  app.on("error", (error) => deps.log.debug({ err: error }, "an answer could not be finished"));
  return app;
}

/** What who asks may do; refuses who may not use the route. UNAUTHENTICATED, ORG_NOT_FOUND, FORBIDDEN, HOST_REFUSED. */
function accessOf(context: Context, route: Route, { isAuth, isLocal, keys }: AppDeps): Access {
  if (route.access === "open") return new Access(keys, undefined);
  if (!isAuth) {
    if (isLocal) checkLocalHost(context.host);
    return new Access(keys, undefined);
  }
  const key = keys.authenticate(context.headers);
  context.state.key = key;
  const access = new Access(keys, key);
  const { org } = context.params as { readonly org?: string };
  if (route.access === "key") return access;
  if (org === undefined) access.requireScope(route.access);
  else access.require(org, route.access);
  return access;
}

/** The one place where errors become answers. */
async function answerProblems(context: Context, next: Next, log: Logger): Promise<void> {
  const given = context.get("x-request-id");
  const requestId = /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID();
  context.set("X-Request-Id", requestId);
  context.state.requestId = requestId;
  try {
    if (/%00|(^|\/)\.\.?(\/|$)/i.test(context.path))
      throw new FaasError("INVALID_PATH", `The path "${context.path}" cannot be taken`);
    await next();
    if (context.body !== undefined && context.body !== null) return;
    if (context.status === 405 || context.status === 501) {
      context.set("Allow", context.response.get("Allow"));
      throw new FaasError(
        "METHOD_NOT_ALLOWED",
        `${context.method} is not allowed here; allowed: ${context.response.get("Allow") || "none"}`,
      );
    }
    if (context.status === 404 && context.method !== "HEAD") {
      throw new FaasError("NOT_FOUND", `There is nothing at ${context.method} ${context.path}`);
    }
  } catch (error) {
    const known = asKnown(error) ?? asCutOff(error, context);
    if (!known) log.error({ err: error, requestId, method: context.method, path: context.path }, "a request failed");
    const problem = toProblem(known ?? error, requestId);
    context.status = problem.status;
    context.state.code = problem.code;
    if (problem.status === 503) context.set("Retry-After", "1");
    if (problem.status === 401) context.set("WWW-Authenticate", CHALLENGE);
    const text = JSON.stringify(problem);
    const whole = context.req.complete || !hasBody(context);
    context.body = whole ? text : Readable.from(answerAndDrain(text, context.req));
    context.length = Buffer.byteLength(text);
    context.type = PROBLEM_MEDIA_TYPE;
    // A body that was not read to its end would be taken for the next request.
    if (!whole) context.set("Connection", "close");
  }
}

const hasBody = ({ headers }: Context) =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** The client went away in the middle of the body, or was refused there. */
function asCutOff(error: unknown, { req }: Context): FaasError | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (req.complete || (code !== "ERR_STREAM_PREMATURE_CLOSE" && code !== "ECONNRESET")) return undefined;
  return new FaasError("INVALID_REQUEST", "The request ended before its body was complete", { cause: error });
}

function asKnown(error: unknown): FaasError | undefined {
  if (error instanceof FaasError) return error;
  // The router's: a parameter that is not percent-encoded properly.
  const { status, message } = error as { status?: number; message?: string };
  if (error instanceof URIError || status === 400)
    return new FaasError("INVALID_PATH", `The path cannot be decoded: ${message}`);
  return undefined;
}
