import { mkdir } from "node:fs/promises";
import { dependenciesFolder } from "@faas/builder/bundle";
import { DEFAULT_PORT, FaasError } from "@faas/core";
import type { RequestReport, RunningServer, ServerOptions } from "@faas/server";

/** Ports to try after the default one, so that several functions can run at once. */
const NEXT_PORTS = 20;

/**
 * Starts a server for the functions of one author in this process. Without `port` it listens on the default port, the next free one, or any.
 *
 * @throws PORT_IN_USE
 */
export async function startLocalServer(
  dataDir: string,
  sourceFolder: ServerOptions["sourceFolder"],
  port: number | undefined,
  onRequest: (report: RequestReport) => void,
): Promise<RunningServer> {
  const { startServer } = await import("@faas/server");
  // Installed packages are used where they are: a deployment copies them into the bundle. Permitted when the server starts, so they have to exist.
  const packages = dependenciesFolder();
  await mkdir(packages, { recursive: true });
  // Sandboxed as after a deployment, so that code that works here also works there.
  // Calls are printed as they end, so that they need not be recorded too.
  const options = {
    dataDir,
    logLevel: "silent",
    onRequest,
    accessLog: false,
    poolSize: 1,
    readable: [packages],
    sourceFolder,
    env: process.env,
  } as const;
  const startOn = (candidate: number) => startServer({ ...options, port: candidate });
  if (port !== undefined) return startOn(port);
  for (let next = DEFAULT_PORT; next < DEFAULT_PORT + NEXT_PORTS; next++) {
    try {
      return await startOn(next);
    } catch (error) {
      if (!(error instanceof FaasError) || error.code !== "PORT_IN_USE") throw error;
    }
  }
  return startOn(0);
}
