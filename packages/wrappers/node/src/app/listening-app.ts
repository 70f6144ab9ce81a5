import { type IncomingMessage, Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { userPort } from "../options.ts";
import { Problem } from "../problem.ts";
import type { NodeApp } from "./node-app.ts";

/** Tests whether a server of `node:net` is one of `node:http`, `node:https` or `node:http2`, without loading these. */
export function isHttpServer(server: unknown): server is Server {
  if (server instanceof Server) return true;
  if (typeof (server as Server | undefined)?.listenerCount !== "function") return false;
  return "keepAliveTimeout" in (server as Server) || (server as Server).listenerCount("request") > 0;
}

/** Tests whether an HTTP server expects TLS. */
export function isTlsServer(server: Server): boolean {
  return "setSecureContext" in server;
}

/** Application that is an HTTP server. Requests are handed to its listeners; the server itself need not listen. */
export class ListeningApp implements NodeApp {
  readonly server: Server;
  readonly #isTls: boolean;
  #active = 0;
  #onIdle: (() => void) | undefined;

  constructor(server: Server) {
    this.server = server;
    this.#isTls = isTlsServer(server);
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isTls) (request.socket as Socket & { encrypted?: boolean }).encrypted = true;
    this.#active++;
    response.once("close", this.#onResponseClosed);
    if (!this.server.emit("request", request, response))
      throw new Problem("NOT_FOUND", "The application's server has no listener for requests");
  }

  readonly #onResponseClosed = (): void => {
    this.#active--;
    // A closing server waits for its requests.
    if (this.#active === 0) this.#onIdle?.();
  };

  /**
   * Makes the server look as if it listened on PORT: `listening`, `address()` and `close()` behave like it, and the event `listening` is emitted.
   */
  pretendToListen(callback: unknown): void {
    const { server } = this;
    if (typeof callback === "function") server.once("listening", callback as () => void);
    this.#onIdle = undefined;
    let isListening = true;
    const define = (name: string, value: unknown) =>
      Object.defineProperty(server, name, { configurable: true, writable: true, value });
    define("listening", true);
    define("address", () => (isListening ? { address: "::", family: "IPv6", port: userPort } : null));
    define("close", (onClosed?: () => void) => {
      if (!isListening) return Server.prototype.close.call(server, onClosed);
      isListening = false;
      define("listening", false);
      if (typeof onClosed === "function") server.once("close", onClosed);
      this.#onIdle = () => {
        this.#onIdle = undefined;
        // Emits "close": the server has no connections of its own.
        Server.prototype.close.call(server);
      };
      if (this.#active === 0) this.#onIdle();
      return server;
    });
    process.nextTick(() => isListening && Object.hasOwn(server, "address") && server.emit("listening"));
  }

  /** Undoes `pretendToListen`. */
  stopPretending(): void {
    const server = this.server as Partial<Server>;
    for (const name of ["listening", "address", "close"] as const) Reflect.deleteProperty(server, name);
  }
}
