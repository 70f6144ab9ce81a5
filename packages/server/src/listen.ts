import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { FaasError } from "@faas/core";

/**
 * Listens on an address; returns the port.
 *
 * @throws PORT_IN_USE
 */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((done, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(
        new FaasError(
          "PORT_IN_USE",
          `Another program listens on ${host}:${port}; choose another port with --port, or 0 for a free one`,
          { cause: error },
        ),
      );
    });
    server.listen(port, host, done);
  });
  return (server.address() as AddressInfo).port;
}
