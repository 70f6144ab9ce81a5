import type { Server } from "node:http";
import type { Socket } from "node:net";
import { connectionOf } from "../client-connection.ts";
import { FastConnection, type FastReaderContext } from "./connection.ts";

/**
 * Puts the fast reader in front of a server's own: connections get to that one when they send something unusual.
 * @param event event of a connection that is ready to be read; its first listener is the server's own
 */
export function readFast(
  server: Server,
  event: "connection" | "secureConnection",
  shared: Pick<FastReaderContext, "gateway" | "manager" | "headMs" | "keepAliveMs">,
): void {
  const { keepAliveMs } = shared;
  const [own] = server.listeners(event) as [(this: Server, socket: Socket) => void];
  const context: FastReaderContext = {
    ...shared,
    keepAliveLines: `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n`,
    handOver: (socket) => own.call(server, socket),
  };
  server.off(event, own);
  server.on(event, (socket: Socket) => {
    const client = connectionOf(socket);
    if (client === undefined || client.rejected) own.call(server, socket);
    else new FastConnection(client, context);
  });
}
