import type { Server } from "node:http";
import { stackOf } from "./problem.ts";

/** True after SIGTERM: calls in flight finish, and new connections are rejected. */
export let isDraining = false;
let drainingServer: Server | undefined;

/** Exits with 0 on SIGTERM, when the calls in flight have finished. A second SIGTERM exits immediately. */
export function drainOnSigterm(server: Server): void {
  process.on("SIGTERM", () => {
    if (isDraining) process.exit(0);
    isDraining = true;
    drainingServer = server;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

/** Closes kept-alive connections after the last call of a draining wrapper, so that they don't delay its exit. */
export function closeIdleConnectionsOnDrain(): void {
  drainingServer?.closeIdleConnections();
}

/** Logs an error thrown outside of a call and exits with 1, because the process is in an unknown state. */
export function exitOnUncaughtError(): void {
  process.on("uncaughtException", (error, origin) => {
    const kind = origin === "unhandledRejection" ? "Unhandled rejection" : "Uncaught exception";
    console.error(`${kind}: ${stackOf(error)}`);
    process.exit(1);
  });
}
