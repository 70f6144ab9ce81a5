import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { FaasError, scopeAllows } from "@faas/core";
import { problemResponse } from "../http/problem-response.ts";
import { requestIdOf } from "../http/request-id.ts";
import { checkPath, originForm } from "../http/request-path.ts";
import type { KeyVerifier } from "../keys/key-verifier.ts";
import { acceptsOpenMetrics, OPEN_METRICS_TYPE, toOpenMetrics } from "../metrics/open-metrics.ts";

export interface GatewayRoutesOptions {
  /** Passes requests on to the control server. */
  readonly control: RequestListener;
  /** Returns why this gateway should get no new connections; `undefined` if it should. */
  readonly notReady: () => FaasError | undefined;
  /** Returns this gateway's metrics in Prometheus' text format. */
  readonly metrics: () => string;
  /** Returns the verifier of keys; `undefined` where no keys are required. */
  readonly keys: () => KeyVerifier | undefined;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const JSON_TYPE = "application/json; charset=utf-8";
/** Paths of the control server that only gateways use, at its internal address. */
const INTERNAL = /^\/-\/+gateways(?:\/|$)/i;

/** Creates the handler of control paths in a gateway: it serves its own health and metrics, and passes everything else on to the control server. */
export function gatewayRoutes({ control, notReady, metrics, keys }: GatewayRoutesOptions): RequestListener {
  return (request, response) => {
    const [path = ""] = originForm(request.url as string).split("?", 1);
    try {
      checkPath(path);
      // Percent-encoding must not hide an internal path from this check.
      if (INTERNAL.test(decoded(path))) throw notFound(path);
      const own = ownRoute(path, request);
      if (own === undefined) return control(request, response);
      if (request.method !== "GET" && request.method !== "HEAD")
        throw new FaasError("METHOD_NOT_ALLOWED", `${request.method} is not allowed at ${path}; use GET`);
      const { type, body } = own();
      respond(request, response, 200, { "Content-Type": type, "X-Request-Id": requestIdOf(request.headers) }, body);
    } catch (error) {
      const { status, headers, body } = problemResponse(error, requestIdOf(request.headers));
      respond(request, response, status, headers, body);
    }
  };

  function ownRoute(path: string, request: IncomingMessage) {
    if (path === "/-/healthz") return () => ({ type: JSON_TYPE, body: '{"status":"ok"}' });
    if (path === "/-/readyz") {
      return () => {
        const reason = notReady();
        if (reason) throw reason;
        return { type: JSON_TYPE, body: '{"status":"ready"}' };
      };
    }
    if (path === "/-/metrics/gateway") {
      return () => {
        checkMayRead(request, keys());
        if (acceptsOpenMetrics(request.headers.accept))
          return { type: OPEN_METRICS_TYPE, body: toOpenMetrics(metrics()) };
        return { type: METRICS_TYPE, body: metrics() };
      };
    }
    return undefined;
  }
}

/** @throws UNAUTHENTICATED, FORBIDDEN */
function checkMayRead(request: IncomingMessage, keys: KeyVerifier | undefined): void {
  if (keys === undefined) return;
  const { record } = keys.authenticate(request.headers);
  if (record.org === undefined && scopeAllows(record.scope, "read")) return;
  throw new FaasError(
    "FORBIDDEN",
    `Expected a key of the whole server that may read, got "${record.name}": the metrics of a gateway are those of all organizations`,
  );
}

const decoded = (path: string) =>
  path.replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

const notFound = (path: string) => new FaasError("NOT_FOUND", `There is nothing at ${path.slice(0, 200)}`);

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: string,
): void {
  request.resume();
  response.writeHead(status, { ...headers, "Content-Length": String(Buffer.byteLength(body)) });
  response.end(request.method === "HEAD" ? undefined : body);
}
