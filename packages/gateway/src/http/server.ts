import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import { FaasError } from "@faas/core";
import { type Gateway, isWebSocket } from "../pipeline/pipeline.ts";
import { NodeCall } from "./call/node-call.ts";
import type { ClientTimeouts } from "./client-connection.ts";
import { type ConnectionLimits, connectionLimits } from "./connection-limits.ts";
import { CLIENT_TIMEOUTS, ConnectionManager } from "./connection-manager.ts";
import { readFast } from "./fast-reader/read-fast.ts";
import { requestIdOf } from "./request-id.ts";
import { authorityOf, isControlPath, originForm } from "./request-path.ts";
import { validateRequest } from "./request-validation.ts";
import { headTimeout } from "./timeout-errors.ts";
import type { ServerCertificates } from "./tls-certificate-set.ts";
import { createHttpsServer } from "./tls-server.ts";

const MAX_HEADER_BYTES = 16 * 1024;
const HEAD_MS = 30_000;
const KEEP_ALIVE_MS = 75_000;

/** Certificates are for HTTPS; plain HTTP without. */
export interface HttpServerOptions extends Partial<ServerCertificates> {
  /** @defaultValue derived from the number of files that the process may open */
  readonly limits?: Partial<ConnectionLimits> | undefined;
  /**
   * Reader of requests: `fast` reads those that are usual, and leaves the rest to `node:http`; `node` leaves it all.
   * @defaultValue fast
   */
  readonly reader?: "fast" | "node" | undefined;
  /** Time limits for clients; `headMs` is the longest time for a request's head. */
  readonly timeouts?: Partial<ClientTimeouts & { readonly headMs: number }>;
}

/** The server of the one port, and its clients. */
export type HttpServer = (Server | SecureServer) & { readonly clients: ConnectionManager };

/** Creates the server of the one port: the control API gets its own paths, the gateway all others. It does not listen yet. */
export function createHttpServer(
  control: RequestListener,
  gateway: Gateway,
  {
    pair,
    contextFor,
    limits,
    reader = "fast",
    timeouts: { headMs = HEAD_MS, ...timeouts } = {},
  }: HttpServerOptions = {},
): HttpServer {
  const { sweepMs, ...rest } = { ...CLIENT_TIMEOUTS, ...timeouts };
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    // The duration of a call is limited by its endpoint's settings. A head must arrive soon (slowloris), and a body must make progress.
    requestTimeout: 0,
    headersTimeout: headMs,
    connectionsCheckingInterval: sweepMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
    // node:http would respond without a problem document, and would not notice repeated Host headers.
    requireHostHeader: false,
  };
  const server: Server = pair ? createHttpsServer(options, pair, contextFor) : createServer(options);
  const manager = new ConnectionManager(server, connectionLimits(limits), { sweepMs, ...rest }, pair !== undefined);
  if (reader === "fast")
    readFast(server, pair ? "secureConnection" : "connection", {
      ...{ gateway, manager, headMs, keepAliveMs: KEEP_ALIVE_MS },
    });
  serveRequests(server, manager, control, gateway);
  rejectFaults(server, manager, headMs);
  // Available from Node 24.9 and 22.21; earlier versions treat every request that offers an upgrade as one.
  const shouldUpgradeCallback = isWebSocket;
  // `node:http` does not know the connections of the fast reader, and those on which TLS has not begun.
  const closeIdleConnections = () => manager.closeIdle();
  const closeAllConnections = () => manager.closeAll();
  return Object.assign(server, { shouldUpgradeCallback, closeIdleConnections, closeAllConnections, clients: manager });
}

/** Passes requests and upgrades to the control API or to the gateway. */
function serveRequests(server: Server, manager: ConnectionManager, control: RequestListener, gateway: Gateway): void {
  const endpointAt = ({ url, headers }: IncomingMessage) =>
    gateway.endpointAt(authorityOf(url as string, headers.host));
  server.on("request", (request, response) => {
    if (!manager.accept(request, response)) return;
    // When an offered upgrade is declined, node:http loses the bytes that follow the request.
    if (request.headers.upgrade !== undefined) manager.closeAfter(request, response);
    const fault = validateRequest(request);
    if (fault !== undefined) return manager.reject(request, response, fault);
    const key = endpointAt(request);
    if (isForControl(request, key)) control(request, response);
    else manager.assign(request, gateway.request(new NodeCall(request, response), key));
  });
  server.on("checkContinue", (request, response) => {
    if (!manager.accept(request, response)) return;
    const fault = validateRequest(request);
    if (fault !== undefined) return manager.reject(request, response, fault);
    const key = endpointAt(request);
    if (!isForControl(request, key))
      return manager.assign(request, gateway.request(new NodeCall(request, response, true), key));
    response.writeContinue();
    control(request, response);
  });
  server.on("upgrade", (request, socket, head) => {
    const fault = validateRequest(request);
    if (fault !== undefined) return manager.close(socket as Socket, fault, requestIdOf(request.headers));
    manager.markUpgraded(request);
    gateway.upgrade(request, socket, head, endpointAt(request));
  });
}

/** Tells whether the control API serves a request: an endpoint has every path at its own host. */
const isForControl = (request: IncomingMessage, key: string | undefined) =>
  key === undefined && isControlPath(originForm(request.url as string));

/** Rejects what is neither a request nor an upgrade that the server supports. */
function rejectFaults(server: Server, manager: ConnectionManager, headMs: number): void {
  server.on("checkExpectation", (request, response) => {
    if (!manager.accept(request, response)) return;
    const { expect } = request.headers;
    const error = new FaasError(
      "EXPECTATION_FAILED",
      `Expected the header Expect to be "100-continue", got "${expect}"`,
    );
    manager.reject(request, response, error);
  });
  server.on("connect", (request, socket) => {
    const error = new FaasError("METHOD_NOT_ALLOWED", "CONNECT is not allowed: this is not a proxy");
    manager.close(socket as Socket, error, requestIdOf(request.headers));
  });
  server.on("clientError", (error: Error & { code?: string }, socket) => {
    if (error.code === "ECONNRESET") socket.destroy();
    else manager.rejectInput(socket as Socket, inputError(error, headMs));
  });
}

/** Converts an error of node:http's parser, so that the client gets a problem document. */
function inputError({ code, message }: Error & { code?: string }, headMs: number): FaasError {
  if (code === "HPE_HEADER_OVERFLOW")
    return new FaasError("HEADERS_TOO_LARGE", `Expected a header of at most ${MAX_HEADER_BYTES} bytes, got more`);
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return headTimeout(headMs);
  return new FaasError("INVALID_REQUEST", `Malformed HTTP: ${message.replace(/^Parse Error: /, "")}`);
}
