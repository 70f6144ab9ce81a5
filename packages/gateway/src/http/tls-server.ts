import type { Server, ServerOptions } from "node:https";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { FaasError } from "@faas/core";
import { formatProblem } from "./problem-response.ts";
import { newRequestId } from "./request-id.ts";
import type { KeyPair } from "./tls-certificate.ts";

/** First byte of a TLS connection: a handshake record (RFC 8446 section 5.1). */
const HANDSHAKE = 22;
const FIRST_BYTE_MS = 10_000;

type SniDone = (error: Error | null, context?: SecureContext) => void;

/** Returns the TLS options for a certificate. */
export const tlsOptions = (pair: KeyPair) => ({ ...pair, minVersion: "TLSv1.2" as const });

/**
 * Creates an HTTPS server with TLS 1.2 and 1.3, and HTTP/1.1. Plain HTTP gets a response that says so.
 * @param contextFor returns the context for the name that a client asks for; `undefined` for that of the pair
 */
export function createHttpsServer(
  options: ServerOptions,
  pair: KeyPair,
  contextFor?: (name: string) => SecureContext | undefined,
): Server {
  // Loaded when it is needed: without TLS, a gateway uses 3 MiB less.
  const server = process.getBuiltinModule("node:https").createServer({
    ...options,
    ...tlsOptions(pair),
    ...(contextFor ? { SNICallback: (name: string, done: SniDone) => done(null, contextFor(name)) } : {}),
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: FIRST_BYTE_MS,
  });
  const [secure] = server.listeners("connection") as [(this: Server, socket: Socket) => void];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const giveUp = () => socket.destroy();
    socket.setTimeout(FIRST_BYTE_MS, giveUp);
    socket.on("error", giveUp);
    socket.once("readable", () => {
      socket.setTimeout(0);
      socket.off("timeout", giveUp);
      socket.off("error", giveUp);
      const first: Buffer | null = socket.read();
      if (first === null) return void socket.destroy();
      if (first[0] !== HANDSHAKE) return rejectPlainHttp(socket);
      socket.unshift(first);
      secure.call(server, socket);
    });
  });
  return server;
}

function rejectPlainHttp(socket: Socket): void {
  const error = new FaasError("TLS_REQUIRED", "This port expects HTTPS, got HTTP: use https:// in the address");
  socket.on("error", () => {});
  socket.resume();
  socket.end(formatProblem(error, newRequestId(), { Upgrade: "TLS/1.2" }));
}
