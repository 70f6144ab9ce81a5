import { createServer, type RequestListener, type Server } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import { FaasError } from "@faas/core";
import { type Gateway, isWebSocket } from "../pipeline/pipeline.ts";
import { type ConnectionLimits, connectionLimits } from "./connection-limits.ts";
import { CLIENT_PATIENCE, ClientConnections, type ClientPatience } from "./connection-manager.ts";
import { requestIdOf } from "./request-id.ts";
import { isControlPath, originForm } from "./request-path.ts";
import { validateRequest } from "./request-validation.ts";
import type { KeyPair } from "./tls-certificate.ts";
import { createHttpsServer } from "./tls-server.ts";

const HEADER_BYTES = 16 * 1024;
const HEAD_MS = 30_000;

export interface HttpServerOptions {
  /** For HTTPS. */
  readonly pair?: KeyPair | undefined;
  /** By default, what fits into the files that may be open. */
  readonly limits?: Partial<ConnectionLimits> | undefined;
  readonly patience?: Partial<ClientPatience & { readonly headMs: number }>;
}

/** The one port: paths of ours go to the control API, all others to the gateway. HTTPS with a certificate. Not listening yet. */
export function createHttpServer(
  control: RequestListener,
  gateway: Gateway,
  { pair, limits, patience: { headMs = HEAD_MS, ...patience } = {} }: HttpServerOptions = {},
): Server | SecureServer {
  const { sweepMs, ...rest } = { ...CLIENT_PATIENCE, ...patience };
  const options = {
    maxHeaderSize: HEADER_BYTES,
    // Calls may take long; how long is the endpoint's own setting. A head has to come soon (slowloris), and a body has to go on.
    requestTimeout: 0,
    headersTimeout: headMs,
    connectionsCheckingInterval: sweepMs,
    keepAliveTimeout: 75_000,
    noDelay: true,
    // It would answer without a problem document, and see only one of several.
    requireHostHeader: false,
  };
  const server: Server = pair ? createHttpsServer(options, pair) : createServer(options);
  const connections = new ClientConnections(server, connectionLimits(limits), { sweepMs, ...rest }, pair !== undefined);
  server.on("request", (request, response) => {
    if (!connections.takes(request, response)) return;
    // Of what came with an offer that was declined node:http loses what is behind the request.
    if (request.headers.upgrade !== undefined) connections.takesNoMore(request, response);
    const fault = validateRequest(request);
    if (fault !== undefined) connections.refuse(request, response, fault);
    else if (isControlPath(originForm(request.url as string))) control(request, response);
    else connections.answers(request, gateway.request(request, response));
  });
  server.on("checkContinue", (request, response) => {
    if (!connections.takes(request, response)) return;
    const fault = validateRequest(request);
    if (fault !== undefined) return connections.refuse(request, response, fault);
    if (!isControlPath(originForm(request.url as string)))
      return connections.answers(request, gateway.checkContinue(request, response));
    response.writeContinue();
    control(request, response);
  });
  server.on("checkExpectation", (request, response) => {
    if (!connections.takes(request, response)) return;
    const { expect } = request.headers;
    const error = new FaasError(
      "EXPECTATION_FAILED",
      `Expected the header Expect to be "100-continue", got "${expect}"`,
    );
    connections.refuse(request, response, error);
  });
  server.on("upgrade", (request, socket, head) => {
    const fault = validateRequest(request);
    if (fault !== undefined) return connections.close(socket as Socket, fault, requestIdOf(request.headers));
    connections.handsOver(request);
    gateway.upgrade(request, socket, head);
  });
  server.on("connect", (request, socket) => {
    connections.close(
      socket as Socket,
      new FaasError("METHOD_NOT_ALLOWED", "CONNECT is not allowed: this is not a proxy"),
      requestIdOf(request.headers),
    );
  });
  // Node 24.9 and 22.21 have it; an older one sees an upgrade in every request that offers one.
  Object.assign(server, { shouldUpgradeCallback: isWebSocket });
  server.on("clientError", (error: Error & { code?: string }, socket) => {
    if (error.code === "ECONNRESET") socket.destroy();
    else connections.malformed(socket as Socket, malformed(error, headMs));
  });
  return server;
}

/** What node:http could not parse still gets a problem document. */
function malformed({ code, message }: Error & { code?: string }, headMs: number): FaasError {
  if (code === "HPE_HEADER_OVERFLOW")
    return new FaasError("HEADERS_TOO_LARGE", `Expected a header of at most ${HEADER_BYTES} bytes, got more`);
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new FaasError("REQUEST_TIMEOUT", `Expected a whole header within ${headMs / 1000} s`);
  return new FaasError("INVALID_REQUEST", `Malformed HTTP: ${message.replace(/^Parse Error: /, "")}`);
}
