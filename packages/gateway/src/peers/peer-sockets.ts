import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { LinkConnection, LinkHandlers } from "../protocol/link.ts";
import { parseSocketAddress } from "../protocol/socket-address.ts";
import { connectSocket } from "../protocol/socket-connection.ts";
import type { PeerTransport } from "./peer-dialer.ts";

/** Time for a connection to be accepted. */
const CONNECT_MS = 1_000;

/** A listener for connections of other gateways. */
export interface PeerListener extends AsyncDisposable {
  /** Address that it listens at: `host:port`, or `unix:` and a path. */
  readonly address: string;
}

/** Opens connections to other gateways on TCP and on Unix sockets. */
export const socketTransport: PeerTransport = {
  connect(address, onOpen, onFailed) {
    const socket = connect(parseSocketAddress(address));
    const timer = setTimeout(() => socket.destroy(new Error(`${address} does not accept connections`)), CONNECT_MS);
    const failed = (error: Error) => {
      clearTimeout(timer);
      onFailed(error);
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", failed);
      connectSocket(socket, onOpen);
    });
    return () => {
      clearTimeout(timer);
      socket.off("error", failed).on("error", () => {});
      socket.destroy();
    };
  },
};

/**
 * Accepts connections of other gateways. A Unix socket can be opened only by the user of this process.
 * @param address `host:port`, of which the port may be 0, or `unix:` and a path
 */
export async function listenForPeers(
  address: string,
  accept: (connection: LinkConnection) => LinkHandlers,
): Promise<PeerListener> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    connectSocket(socket, accept);
  });
  const options = parseSocketAddress(address);
  // A process that was killed leaves its socket behind.
  if ("path" in options) await rm(options.path, { force: true });
  server.listen(options);
  await once(server, "listening");
  if ("path" in options) await chmod(options.path, 0o600);
  return {
    address:
      "path" in options
        ? address
        : `${address.slice(0, address.lastIndexOf(":"))}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroySoon();
      await closed;
    },
  };
}
