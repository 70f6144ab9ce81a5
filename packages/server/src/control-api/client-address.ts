import type { IncomingMessage } from "node:http";
import { CLIENT_ADDRESS_HEADER } from "@faas/gateway";

/**
 * Returns the address of a request's client. A gateway, or the server that this one took over from, says whose request it passes on to a Unix socket, where
 * nobody else can connect; on any other connection a client could set the header to any address.
 */
export function clientAddress({ socket, headers }: IncomingMessage): string {
  if (socket.remoteAddress !== undefined) return socket.remoteAddress;
  const { [CLIENT_ADDRESS_HEADER]: named } = headers;
  return typeof named === "string" ? named : "unknown";
}
