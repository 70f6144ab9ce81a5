import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import { isSameSecret } from "@faas/core";
import {
  CALLS_PATH,
  CALLS_PROTOCOL,
  GATEWAY_TOKEN_HEADER,
  LINK_PATH,
  LINK_PROTOCOL,
  type LinkConnection,
  type LinkHandlers,
  listenOn,
  serveLink,
} from "@faas/gateway";
import { trustClientAddress } from "../audit/client-address.ts";
import { listenOnPath } from "../lib/unix-socket.ts";

/** Time for the requests in progress when the server stops. */
const DRAIN_MS = 2_000;
const SWEEP_MS = 50;

/** Address that gateways in other processes connect to. */
export type ControlAddress =
  /** A Unix socket, which only the user of the server can open. */
  | { readonly path: string }
  /** A port; gateways need the token. */
  | { readonly host: string; readonly port: number; readonly token: string };

export interface ControlListenerOptions {
  readonly address: ControlAddress;
  /** Serves the control API. */
  readonly app: RequestListener;
  /** Takes a new link of a gateway. */
  readonly accept: (connection: LinkConnection) => LinkHandlers;
  /** Takes a gateway's connection for asynchronous calls. */
  readonly openCalls: (socket: Socket, head: Buffer) => void;
}

/** The control server's listener for gateways in other processes: the control API, whose requests they pass on, and their links. */
export class ControlListener implements AsyncDisposable {
  readonly #options: ControlListenerOptions;
  readonly #server: Server;
  #removeSocket: (() => void) | undefined;

  constructor(options: ControlListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      // Gateways limit the time for a head, and bodies may be large uploads.
      { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 75_000, maxHeaderSize: 32 * 1024, noDelay: true },
      (request, response) => {
        if (this.#isFromGateway(request)) trustClientAddress(request);
        options.app(request, response);
      },
    );
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket as Socket, head));
    Object.assign(this.#server, { shouldUpgradeCallback: ({ url }: IncomingMessage) => isUpgradePath(url) });
  }

  /**
   * Listens. Returns the port, 0 for a Unix socket.
   *
   * @throws PORT_IN_USE
   */
  async listen(): Promise<number> {
    const { address } = this.#options;
    if ("path" in address) {
      this.#removeSocket = await listenOnPath(this.#server, address.path);
      return 0;
    }
    return listenOn(this.#server, { host: address.host, port: address.port });
  }

  /** Stops to listen, and finishes requests for a bounded time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#removeSocket?.();
    const timer = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS);
    const sweep = setInterval(() => this.#server.closeIdleConnections(), SWEEP_MS);
    await new Promise((done) => {
      this.#server.close(done);
      this.#server.closeIdleConnections();
    });
    clearTimeout(timer);
    clearInterval(sweep);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const protocol = PROTOCOLS[request.url as keyof typeof PROTOCOLS];
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
    if (protocol === LINK_PROTOCOL) serveLink(socket, head, this.#options.accept);
    else this.#options.openCalls(socket, head);
  }

  /** Tells whether a gateway has passed a request on: it knows the token. */
  #isFromGateway({ headers }: IncomingMessage): boolean {
    const { address } = this.#options;
    if ("path" in address) return true;
    const { [GATEWAY_TOKEN_HEADER]: token } = headers;
    delete headers[GATEWAY_TOKEN_HEADER];
    return typeof token === "string" && isSameSecret(token, address.token);
  }

  /** Returns the status line of a refusal; undefined for a link that may be opened. */
  #refusalOf({ url, headers }: IncomingMessage): string | undefined {
    const { address } = this.#options;
    if (!isUpgradePath(url)) return "404 Not Found";
    if (headers.upgrade?.toLowerCase() !== PROTOCOLS[url]) return "426 Upgrade Required";
    if ("path" in address || isSameSecret(bearerToken(headers.authorization), address.token)) return undefined;
    return "401 Unauthorized";
  }
}

/** Protocols of connections that gateways open, by path. */
const PROTOCOLS = { [LINK_PATH]: LINK_PROTOCOL, [CALLS_PATH]: CALLS_PROTOCOL } as const;

const isUpgradePath = (url: string | undefined): url is keyof typeof PROTOCOLS =>
  url !== undefined && Object.hasOwn(PROTOCOLS, url);

/** Returns the token of gateways in `Authorization`, which is not a key; empty without one. */
const bearerToken = (authorization = ""): string => /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
