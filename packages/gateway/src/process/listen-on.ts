import type { AddressInfo, Server } from "node:net";
import { FaasError } from "@faas/core";

export interface ListenAddress {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Other sockets may listen on the port too. @defaultValue false */
  readonly reusePort?: boolean;
  /** Listening socket that this process inherited; it replaces host and port. */
  readonly socket?: { readonly fd: number } | undefined;
}

/**
 * Makes a server listen; returns the port.
 *
 * @param advice what to do when the port is in use
 * @throws PORT_IN_USE
 */
export async function listenOn(server: Server, address: ListenAddress, advice = ""): Promise<number> {
  const { host, port, reusePort = false, socket } = address;
  await new Promise<void>((done, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(new FaasError("PORT_IN_USE", `Another program listens on ${host}:${port}${advice}`, { cause: error }));
    });
    server.listen(socket ?? { host, port, reusePort }, done);
  });
  return (server.address() as AddressInfo).port;
}
