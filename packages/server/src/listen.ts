import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { FaasError } from "@faas/core";

/** Time for requests in flight when the server stops. */
const DRAIN_MS = 10_000;
const SWEEP_MS = 50;

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

/** Stops to listen and finishes the requests in flight, for a bounded time. */
export async function drain(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  // A keep-alive connection becomes idle only when its response is sent, which no event reports.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await new Promise((done) => {
    server.close(done);
    server.closeIdleConnections();
  });
  clearTimeout(timer);
  clearInterval(sweep);
}
