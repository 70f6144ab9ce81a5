import { request as httpRequest, type IncomingMessage, ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { FaasError, PROBLEM_MEDIA_TYPE, toProblem } from "@faas/core";
import type { LiveReplica } from "./endpoints.ts";
import { Exchange } from "./exchange.ts";
import type { GatewayDeps } from "./gateway.ts";
import { requestHeaders } from "./headers.ts";
import { route } from "./route.ts";
import { place } from "./wake.ts";

/** WebSockets (RFC 6455): the replica's answer to the upgrade decides; on 101 bytes pass both ways until one side ends. */
export function createUpgrade(deps: GatewayDeps): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    upgrade(request, socket, head, deps).catch((error) => refuse(socket, error));
  };
}

async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, deps: GatewayDeps): Promise<void> {
  if (request.headers.upgrade?.toLowerCase() !== "websocket") {
    throw new FaasError("INVALID_REQUEST", `Expected "Upgrade: websocket", got "${request.headers.upgrade}"`);
  }
  const exchange = new Exchange(request, new ServerResponse(request));
  Object.assign(exchange, route(request.url ?? "/", deps.endpoints));
  const { endpoint } = exchange;
  endpoint.lastRequestMs = Date.now();
  socket.once("close", () => exchange.response.emit("close"));
  const replica = await place(exchange, deps.endpoints);
  try {
    await tunnel(exchange, replica, socket, head);
  } finally {
    endpoint.release(replica, Date.now());
    deps.metrics.record(endpoint, 101, performance.now() - exchange.arrived, exchange.cold);
  }
}

/** Resolves when the connection has ended. */
function tunnel(exchange: Exchange, replica: LiveReplica, socket: Duplex, head: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { address } = replica;
  const [host, port] = address.split(":") as [string, string];
  const outgoing = httpRequest({
    ...(address.startsWith("unix:") ? { socketPath: address.slice("unix:".length) } : { host, port }),
    method: exchange.request.method,
    path: exchange.target,
    headers: [
      ...requestHeaders(exchange.request, exchange.requestId, exchange.prefix),
      "Host",
      "localhost",
      "Connection",
      "Upgrade",
      "Upgrade",
      "websocket",
    ],
    agent: false,
  });
  outgoing.once("error", (error) =>
    reject(new FaasError("REPLICA_FAILED", `The replica of ${exchange.endpoint.key} failed: ${error.message}`)),
  );
  outgoing.once("upgrade", (answer, upstream: Duplex, upstreamHead: Buffer) => {
    writeHead(socket, answer, exchange.requestId);
    if (upstreamHead.length > 0) socket.write(upstreamHead);
    if (head.length > 0) upstream.write(head);
    upstream.on("error", () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
    socket.once("close", () => upstream.destroy());
    upstream.once("close", () => {
      socket.destroy();
      resolve();
    });
  });
  outgoing.once("response", (answer) => {
    // It did not want to; what it says instead is the answer, and the connection ends with it.
    writeHead(socket, answer, exchange.requestId, ["Connection", "close"]);
    answer.pipe(socket);
    answer.once("close", resolve);
  });
  socket.once("close", () => outgoing.destroy());
  outgoing.end();
  return promise;
}

function writeHead(socket: Duplex, answer: IncomingMessage, requestId: string, more: string[] = []): void {
  const dropped = more.length > 0 ? ["connection", "keep-alive", "transfer-encoding"] : [];
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`, `X-Request-Id: ${requestId}`];
  const { rawHeaders } = answer;
  const all = [...rawHeaders, ...more];
  for (let i = 0; i < all.length; i += 2) {
    const name = all[i] as string;
    const ours = i >= rawHeaders.length;
    if (name.toLowerCase() === "x-request-id" || (!ours && dropped.includes(name.toLowerCase()))) continue;
    lines.push(`${name}: ${all[i + 1]}`);
  }
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
}

function refuse(socket: Duplex, error: unknown): void {
  if (!socket.writable) return void socket.destroy();
  const problem = toProblem(error);
  const text = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}
