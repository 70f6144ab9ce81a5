import { once } from "node:events";
import type { ListenOptions } from "node:net";
import { interceptListen } from "./app/intercept-listen.ts";
import { lazy } from "./lazy/load.ts";
import { startLoading, useFunction, whenLoaded } from "./load-function.ts";
import type { Server } from "./node-http.ts";
import { address, appSetting, readSettings, userPort } from "./options.ts";
import { writeSynchronously } from "./output/standard-streams.ts";
import { deadlines } from "./run-call.ts";
import { createWrapperServer } from "./server.ts";
import { drainOnSigterm, exitOnListenError, exitOnUncaughtError } from "./shutdown.ts";

// The wrapper for Node, assembled into one file without dependencies that the build puts next to the user's code. Contract: docs/wrapper-protocol.md.
// A prewarmed process imports this file before its function is known, and calls `start` with the function's folder.
if (process.env.FAAS_PREWARMED !== "1") {
  if (process.env.FAAS_WARM === "1") waitForClaim(import.meta.dirname);
  else start(import.meta.dirname);
}

/** Waits until a claim brings the function. */
function waitForClaim(wrapperFolder: string): void {
  readSettings(process.env, wrapperFolder);
  void lazy().waitForClaim(wrapperFolder, { rehearse, start });
}

/**
 * Serves the request that a process sends to itself before its function is known, with a function that does nothing: Node compiles code and loads much of
 * its HTTP server only when it is first used.
 *
 * @param address - where to listen for the request: the path of a socket, or other options of `listen`
 * @param sendRequest - sends the request to the server and reads the response
 */
export async function rehearse(
  address: string | ListenOptions,
  sendRequest: (server: Server) => Promise<void>,
): Promise<void> {
  readSettings({}, "");
  useFunction({ handler: () => ({}) });
  const server = createWrapperServer();
  server.listen(address);
  await once(server, "listening");
  await sendRequest(server);
  server.close();
  await once(server, "close");
  deadlines.stop();
  useFunction(undefined);
}

/**
 * Listens and loads the user's code.
 *
 * @param listening - server of a warm process, which listens already
 */
export function start(codeFolder: string, listening?: Server): void {
  readSettings(process.env, codeFolder);
  process.setSourceMapsEnabled(true);
  writeSynchronously();
  if (process.env.FAAS_LOADING_WATCH === "1") {
    const endWatch = lazy().watchLoading();
    setImmediate(() => void whenLoaded().then(endWatch));
  }
  // The import of the user's code begins when this function has ended: the server listens first, and calls wait until loading ends.
  startLoading();
  // The address may be a path, which programs do not expect.
  process.env.PORT = String(userPort);
  if (listening === undefined) listen();
  if (appSetting !== "function") interceptListen();
}

/** Listens for calls, until SIGTERM. */
function listen(): void {
  const server = createWrapperServer();
  server.listen(address);
  exitOnListenError(server);
  drainOnSigterm(server);
  exitOnUncaughtError();
}
