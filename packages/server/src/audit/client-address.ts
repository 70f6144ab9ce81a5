import type { IncomingMessage } from "node:http";
import { CLIENT_ADDRESS_HEADER } from "@faas/gateway";

/** Requests that a gateway has passed on, with its token. */
const fromGateways = new WeakSet<IncomingMessage>();

/** Believes the client's address in a request that a gateway has passed on. */
export function trustClientAddress(request: IncomingMessage): void {
  fromGateways.add(request);
}

/**
 * Returns the address of a request's client. A gateway, or the server that this one took over from, says whose request it passes on to a Unix socket, where
 * nobody else can connect, or with its token; on any other connection a client could set the header to any address.
 */
export function clientAddress(request: IncomingMessage): string {
  const { socket, headers } = request;
  if (socket.remoteAddress !== undefined && !fromGateways.has(request)) return socket.remoteAddress;
  const { [CLIENT_ADDRESS_HEADER]: named } = headers;
  return typeof named === "string" ? named : "unknown";
}
