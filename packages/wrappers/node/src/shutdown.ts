import type { Server } from "node:http";
import { lazyIfUsed } from "./lazy/load.ts";
import { address, timeoutMs } from "./options.ts";
import { stackOf } from "./problem.ts";
import { callSigtermHandlers, interceptSigterm } from "./sigterm-handlers.ts";

/** Time beyond the deadline of the last call after which a drain ends, with connections that are still open. */
const DRAIN_GRACE_MS = 1000;
/**
 * Time for which idle connections stay open in a drain: a client that does not know of it may be sending a request, which must not be lost. Clients that
 * know close their connections.
 */
const IDLE_MS = 2000;
/** Time for the user's handlers of SIGTERM. The platform kills the process a little later. */
const HANDLERS_MS = 2000;

/** True after SIGTERM: calls in flight finish, and new connections are rejected. */
export let isDraining = false;
/** Server whose idle connections are closed: it has drained for long enough. */
let drainedServer: Server | undefined;

/**
 * Exits on SIGTERM, when the calls in flight have finished and then the user's handlers of SIGTERM. A second SIGTERM exits immediately, and so does one
 * before there is a function.
 */
export function drainOnSigterm(server: Server, hasFunction: () => boolean = () => true): void {
  interceptSigterm((args) => {
    if (isDraining || !hasFunction()) process.exit(0);
    isDraining = true;
    const finish = () => exitAfterHandlers(args);
    const closed = () => void Promise.resolve(lazyIfUsed()?.whenBackgroundWorkDone()).then(finish);
    whenAccepted(server, () => stopListening(server, closed));
    setTimeout(() => {
      drainedServer = server;
      server.closeIdleConnections();
    }, IDLE_MS).unref();
    setTimeout(
      () => void Promise.resolve(lazyIfUsed()?.endOpenSockets()).then(finish),
      timeoutMs + DRAIN_GRACE_MS,
    ).unref();
  });
}

/** Closes kept-alive connections after the last call of a draining wrapper, so that they don't delay its exit. */
export function closeIdleConnectionsOnDrain(): void {
  drainedServer?.closeIdleConnections();
}

/**
 * Calls `then` when clients that are already connected have been accepted, because they are served: libuv accepts one in each turn of the event loop. Clients
 * that keep connecting delay that by {@link IDLE_MS} at most.
 */
function whenAccepted(server: Server, then: () => void): void {
  const endMs = performance.now() + IDLE_MS;
  let hasAccepted = true;
  server.on("connection", () => {
    hasAccepted = true;
  });
  const turn = () => {
    if (!hasAccepted || performance.now() > endMs) return then();
    hasAccepted = false;
    setImmediate(turn);
  };
  setImmediate(turn);
}

/** Closes the listener, and calls `closed` when the last connection has ended. `server.close` would close idle connections too. */
function stopListening(server: Server, closed: () => void): void {
  const { close } = Object.getPrototypeOf(Object.getPrototypeOf(server)) as Server;
  close.call(server, closed);
}

let isExiting = false;

/** Calls the user's handlers of SIGTERM, and exits when they are done, at the latest after `HANDLERS_MS`. */
function exitAfterHandlers(args: readonly unknown[]): void {
  if (isExiting) return;
  isExiting = true;
  const results = callSigtermHandlers(args);
  if (results.length === 0) process.exit(0);
  const exit = () => process.exit();
  // A handler may have started something that takes time; without it the process ends by itself.
  setTimeout(exit, HANDLERS_MS).unref();
  if (results.every((result) => result instanceof Promise)) void Promise.all(results).then(exit);
}

/** Exits with 1 and a message if a server cannot listen. */
export function exitOnListenError(server: Server): void {
  server.on("error", (error) => {
    console.error(`Cannot listen on ${address}: ${error.message}`);
    process.exit(1);
  });
}

/** Logs an error thrown outside of a call and exits with 1, because the process is in an unknown state. */
export function exitOnUncaughtError(): void {
  process.on("uncaughtException", (error, origin) => {
    const kind = origin === "unhandledRejection" ? "Unhandled rejection" : "Uncaught exception";
    console.error(`${kind}: ${stackOf(error)}`);
    lazyIfUsed()?.closeOpenSockets(1011);
    process.exit(1);
  });
}
