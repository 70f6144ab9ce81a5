import { interceptListen } from "./app/intercept-listen.ts";
import { lazy } from "./lazy/load.ts";
import { startLoading, whenLoaded } from "./load-function.ts";
import { address, appSetting, userPort } from "./options.ts";
import { createWrapperServer } from "./server.ts";
import { drainOnSigterm, exitOnUncaughtError } from "./shutdown.ts";
import { writeSynchronously } from "./standard-streams.ts";

// The wrapper for Node, assembled into one file without dependencies that the build puts next to the user's code. Contract: docs/wrapper-protocol.md.
process.setSourceMapsEnabled(true);
writeSynchronously();
if (process.env.FAAS_LOADING_WATCH === "1") {
  const endWatch = lazy().watchLoading();
  setImmediate(() => void whenLoaded().then(endWatch));
}
// The import of the user's code begins when this file has run to its end: the server listens first, and calls wait until loading ends.
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
