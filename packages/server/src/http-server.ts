import { createServer, type RequestListener, type Server, STATUS_CODES } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Duplex } from "node:stream";
import { FaasError, PROBLEM_MEDIA_TYPE, toProblem } from "@faas/core";
import type { Pair } from "./certificate.ts";
import { type Gateway, isWebSocket } from "./gateway.ts";
import { createHttpsServer } from "./https-server.ts";

const HEADER_BYTES = 16 * 1024;

/** The one port: paths of ours go to the control API, all others to the gateway. HTTPS with a certificate. Not listening yet. */
export function createHttpServer(control: RequestListener, gateway: Gateway, pair?: Pair): Server | SecureServer {
  const options = {
    maxHeaderSize: HEADER_BYTES,
    // Calls may take long; how long is the endpoint's own setting. A head has to come soon (slowloris).
    requestTimeout: 0,
    headersTimeout: 30_000,
    keepAliveTimeout: 75_000,
    noDelay: true,
  };
  const server: Server = pair ? createHttpsServer(options, pair) : createServer(options);
  server.on("request", (request, response) => {
    if (isOurs(request.url)) control(request, response);
    else gateway.request(request, response);
  });
  server.on("checkContinue", (request, response) => {
    if (!isOurs(request.url)) return gateway.checkContinue(request, response);
    response.writeContinue();
    control(request, response);
  });
  server.on("upgrade", gateway.upgrade);
  // Node 24.9 and 22.21 have it; an older one sees an upgrade in every request that offers one.
  Object.assign(server, { shouldUpgradeCallback: isWebSocket });
  server.on("clientError", answerMalformed);
  return server;
}

function isOurs(url = "/"): boolean {
  return url.charCodeAt(1) === 45 /* - */ ? /^\/-(?:[/?]|$)/.test(url) : /^\/add_endpoint(?:\?|$)/.test(url);
}

/** What node:http could not parse still gets a problem document. */
function answerMalformed(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const problem = toProblem(
    error.code === "HPE_HEADER_OVERFLOW"
      ? new FaasError("HEADERS_TOO_LARGE", `Expected a header of at most ${HEADER_BYTES} bytes, got more`)
      : new FaasError("INVALID_REQUEST", `Malformed HTTP: ${error.message.replace(/^Parse Error: /, "")}`),
  );
  const text = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}
