import { once } from "node:events";
import { interceptListen } from "./app/intercept-listen.ts";
import { lazy } from "./lazy/load.ts";
import { startLoading, useFunction, whenLoaded } from "./load-function.ts";
import { address, appSetting, readSettings, userPort } from "./options.ts";
import { writeSynchronously } from "./output/standard-streams.ts";
import { deadlines } from "./run-call.ts";
import { createWrapperServer } from "./server.ts";
import { drainOnSigterm, exitOnUncaughtError } from "./shutdown.ts";

// The wrapper for Node, assembled into one file without dependencies that the build puts next to the user's code. Contract: docs/wrapper-protocol.md.
// A prewarmed process imports this file before its function is known, and calls `start` with the function's folder.
if (process.env.FAAS_PREWARMED !== "1") start(import.meta.dirname);

/**
 * Serves the request that a prewarmed process sends to itself, with a function that does nothing: Node compiles code and loads much of its HTTP server only
 * when it is first used.
 *
 * @param sendRequest - sends the request to the socket and reads the response
 */
export async function rehearse(socketPath: string, sendRequest: () => Promise<void>): Promise<void> {
  readSettings({}, "");
  useFunction({ handler: () => ({}) });
  const server = createWrapperServer();
  server.listen(socketPath);
  await once(server, "listening");
  await sendRequest();
  server.close();
  await once(server, "close");
  deadlines.stop();
  useFunction(undefined);
}

/** Listens and loads the user's code. */
export function start(codeFolder: string): void {
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
  const httpServer = createWrapperServer();
  httpServer.listen(address);
  httpServer.on("error", (error) => {
    console.error(`Cannot listen on ${address}: ${error.message}`);
    process.exit(1);
  });
  if (appSetting !== "function") interceptListen();
  drainOnSigterm(httpServer);
  exitOnUncaughtError();
}
