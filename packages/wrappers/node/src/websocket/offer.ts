import type { IncomingMessage } from "node:http";

/** Tests whether a request opens a WebSocket: a GET without a body that offers this protocol, the only one besides HTTP/1.1. */
function isWebSocket({ method, headers }: IncomingMessage): boolean {
  if (headers.upgrade?.toLowerCase() !== "websocket" || method !== "GET") return false;
  return headers["transfer-encoding"] === undefined && (headers["content-length"] ?? "0") === "0";
}

/** Tests whether to upgrade the connection of a request that offers it. An offer of another protocol, such as HTTP/2, is removed from the request. */
export function takesUpgrade(request: IncomingMessage): boolean {
  if (isWebSocket(request)) return true;
  const { headers, rawHeaders } = request;
  for (const name of ["upgrade", "http2-settings"]) {
    delete headers[name];
    const index = rawHeaders.findIndex((each, i) => i % 2 === 0 && each.toLowerCase() === name);
    if (index >= 0) rawHeaders.splice(index, 2);
  }
  return false;
}
