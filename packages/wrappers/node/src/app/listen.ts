import type { Server } from "node:http";
import { userPort } from "../options.ts";
import { listenReally } from "./intercept-listen.ts";
import { isHttpServer, isTlsServer, ListeningApp } from "./listening-app.ts";
import type { NodeApp, RequestListener } from "./node-app.ts";

// Only the server of the application is captured. Others, such as one for metrics, listen as the code says.

/** Arguments of `listen`, in one of its many forms. */
type ListenArguments = readonly unknown[];

/** Server that the wrapper calls instead of letting it listen. */
interface Captured {
  readonly app: ListeningApp;
  readonly port: number;
  /** Likelihood of being the application, compared with that of other servers. */
  readonly rank: number;
  readonly args: ListenArguments;
}

/** Tests whether a server that listens after loading is the application; undefined while loading. */
let isExportedApp: ((server: Server) => boolean) | undefined;
let captured: Captured | undefined;
/** First HTTP server on a Unix socket or a free port. It listens, and is the application if no other server does. */
let uncaptured: Server | undefined;
let onCaptured: (() => void) | undefined;

/** From now on only servers that belong to an application are captured, which is called by itself and not through a server. */
export function interceptOnlyExported(target: unknown): void {
  isExportedApp = (server) => servesApp(server, target);
}

/** Lets a captured server really listen. */
export function releaseCaptured(): void {
  if (captured === undefined) return;
  const { app, args } = captured;
  captured = undefined;
  app.stopPretending();
  listenBeside(app.server, typeof args.at(-1) === "function" ? args.slice(0, -1) : args);
}

/** Returns the server that the user's code made listen. */
export function capturedApp(): ListeningApp | undefined {
  return captured?.app;
}

/** Tests whether the captured server is the application, of which the module also exports one. */
export function isCapturedServerOf(target: unknown): boolean {
  return captured !== undefined && (captured.rank > 0 || servesApp(captured.app.server, target));
}

/** Waits until a server listens. Returns undefined if none does within the time. */
export async function whenListening(timeoutMs: number): Promise<NodeApp | undefined> {
  if (captured === undefined) {
    await new Promise<void>((resolve) => {
      onCaptured = resolve;
      setTimeout(resolve, timeoutMs);
    });
  }
  // Later servers replace it if they are more likely the application.
  if (captured !== undefined)
    return {
      request: requestCaptured,
      get server() {
        return captured?.app.server;
      },
    };
  return uncaptured === undefined ? undefined : new ListeningApp(uncaptured);
}

const requestCaptured: RequestListener = (request, response) => captured?.app.request(request, response);

/** Captures the server of the application. All others listen. */
export function listenAsApp(server: unknown, args: ListenArguments): unknown {
  if (!isHttpServer(server)) return listenReally(server, args);
  const port = tcpPortOf(args);
  if (captured?.app.server === server) {
    if (server.listening) throw alreadyListening();
    captured.app.pretendToListen(args.at(-1));
    return server;
  }
  // A free port and a Unix socket are for the code itself.
  if (port === undefined || port === 0) {
    uncaptured ??= server;
    return listenReally(server, args);
  }
  const rank = port === userPort ? 2 : isTlsServer(server) ? 1 : 0;
  if (
    captured === undefined ? isExportedApp === undefined || rank === 2 || isExportedApp(server) : rank > captured.rank
  ) {
    releaseCaptured();
    captured = { app: new ListeningApp(server), port, rank, args };
    captured.app.pretendToListen(args.at(-1));
    onCaptured?.();
    return server;
  }
  // Fastify has one server for each address of "localhost".
  if (port === captured?.port) {
    new ListeningApp(server).pretendToListen(args.at(-1));
    return server;
  }
  return listenBeside(server, args);
}

/**
 * Makes a second server of the user's code listen. Replicas share the ports of a machine, so one that is in use is replaced by a free one, unless the
 * code handles the error itself.
 */
function listenBeside(server: Server, args: ListenArguments): unknown {
  const onError = (error: NodeJS.ErrnoException) => {
    server.off("error", onError);
    if (server.listenerCount("error") > 0) return;
    if (error.code !== "EADDRINUSE" && error.code !== "EACCES") throw error;
    server.once("listening", () => {
      const { port } = server.address() as { readonly port: number };
      console.error(`${error.message}: the function's second server listens on port ${port} instead`);
    });
    listenReally(server, [0]);
  };
  server.on("error", onError);
  server.once("listening", () => server.off("error", onError));
  return listenReally(server, args);
}

/** Returns the TCP port in the arguments of `listen`, 0 for any free one; undefined for other addresses and for invalid ports. */
function tcpPortOf([first]: ListenArguments): number | undefined {
  let port = first;
  if (typeof first === "object" && first !== null) {
    const options = first as {
      readonly port?: unknown;
      readonly path?: unknown;
      readonly fd?: unknown;
      readonly _handle?: unknown;
    };
    if (options.fd !== undefined || options._handle !== undefined) return undefined;
    if (options.port === undefined && options.path !== undefined) return undefined;
    port = options.port;
  }
  if (port === undefined || port === null || typeof port === "function") return 0;
  if (typeof port !== "number" && (typeof port !== "string" || port.trim() === "")) return undefined;
  return Number(port) >= 0 && Number(port) < 65_536 ? Number(port) : undefined;
}

/** Tests whether a server calls an exported application: as its listener, or because it is the application's own server. */
function servesApp(server: Server, target: unknown): boolean {
  if (server.listeners("request").includes(target as () => void) || server.listenerCount("upgrade") > 0) return true;
  const { server: own, callback } = (target ?? {}) as { readonly server?: unknown; readonly callback?: unknown };
  // Koa makes a new listener for each server.
  return own === server || target === server || typeof callback === "function";
}

function alreadyListening(): Error {
  const error = new Error("Listen method has been called more than once without closing.");
  return Object.assign(error, { code: "ERR_SERVER_ALREADY_LISTEN" });
}
