import { type IncomingMessage, type RequestListener, type ServerResponse, request as startRequest } from "node:http";
import type { Socket } from "node:net";
import { FaasError } from "@faas/core";
import { HOP_BY_HOP, nominatedBy } from "../http/call/end-to-end-headers.ts";
import { problemResponse } from "../http/problem-response.ts";
import { requestIdOf } from "../http/request-id.ts";
import { CLIENT_ADDRESS_HEADER, GATEWAY_TOKEN_HEADER } from "../protocol/control-headers.ts";
import type { ControlAddress } from "./control-address.ts";

export interface ControlProxyOptions {
  readonly address: ControlAddress;
  /** Returns what proves to the control server that a gateway passes the request on; needed except on a Unix socket. */
  readonly token?: (() => string) | undefined;
  /** Tells whether the control server is known to be unavailable: then requests fail at once. @defaultValue never */
  readonly isAway?: () => boolean;
  /**
   * Time to connect.
   *
   * @defaultValue 3 s
   */
  readonly connectMs?: number;
}

/** Interval of the probes that find a connection whose other end is gone. */
const PROBE_MS = 5_000;
const NO_RESPONSE = "The control server does not respond";
/** Headers that only a gateway may set. */
const RESERVED = new Set<string>([CLIENT_ADDRESS_HEADER, GATEWAY_TOKEN_HEADER, "expect"]);

/**
 * Creates the handler of control paths in a gateway: it passes requests on to the control server, and streams bodies both ways. Responds with
 * CONTROL_SERVER_AWAY while that does not respond.
 */
export function controlProxy(options: ControlProxyOptions): RequestListener {
  return (request, response) => {
    if (options.isAway?.()) return respondAway(request, response, NO_RESPONSE);
    new ProxiedRequest(request, response, options).start();
  };
}

/** A request to the control API on its way through a gateway. Its connection to the control server is its own, so that it can be neither stale nor shared. */
class ProxiedRequest {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ControlProxyOptions;
  #connected = false;

  constructor(request: IncomingMessage, response: ServerResponse, options: ControlProxyOptions) {
    this.#request = request;
    this.#response = response;
    this.#options = options;
  }

  start(): void {
    const request = this.#request;
    const { address, token, connectMs = 3_000 } = this.#options;
    const upstream = startRequest({
      ...address,
      agent: false,
      method: request.method,
      path: request.url,
      headers: headersFor(request, token?.()),
    });
    const timer = setTimeout(() => upstream.destroy(new Error("no connection in time")), connectMs);
    upstream.once("socket", (socket: Socket) => {
      socket.once("connect", () => {
        clearTimeout(timer);
        this.#connected = true;
        socket.setNoDelay(true);
        socket.setKeepAlive(true, PROBE_MS);
      });
    });
    upstream.once("response", (incoming) => this.#relay(incoming));
    upstream.on("error", () => {
      clearTimeout(timer);
      this.#fail();
    });
    this.#response.once("close", () => {
      clearTimeout(timer);
      upstream.destroy();
    });
    request.pipe(upstream);
  }

  #relay(incoming: IncomingMessage): void {
    const response = this.#response;
    response.writeHead(incoming.statusCode as number, incoming.statusMessage, responseHeaders(incoming));
    // The head of a stream must not wait for its first chunk.
    response.flushHeaders();
    // A response that was cut short must not look complete.
    incoming.once("error", () => response.destroy());
    incoming.pipe(response);
    // After an early response nobody reads the rest of the body; the client may still be sending.
    incoming.once("end", () => this.#request.resume());
  }

  #fail(): void {
    const response = this.#response;
    const request = this.#request;
    // Once there is a response, an error can only mean that nobody reads the rest of the request; `#relay` notices a response that was cut short.
    if (response.headersSent || response.destroyed) return;
    const isChange = this.#connected && request.method !== "GET" && request.method !== "HEAD";
    respondAway(
      request,
      response,
      isChange ? "The connection to the control server broke: the outcome of this request is unknown" : NO_RESPONSE,
    );
  }
}

function respondAway(request: IncomingMessage, response: ServerResponse, reason: string): void {
  const detail = `${reason}. Calls of functions continue; retry shortly`;
  const { status, headers, body } = problemResponse(
    new FaasError("CONTROL_SERVER_AWAY", detail),
    requestIdOf(request.headers),
  );
  request.unpipe();
  request.resume();
  response.writeHead(status, headers);
  response.end(body);
}

/** Returns the request's headers for the control server, as alternating names and values. */
function headersFor(request: IncomingMessage, token: string | undefined): string[] {
  const { rawHeaders, headers, socket } = request;
  const list = endToEnd(rawHeaders, headers.connection, (name) => RESERVED.has(name));
  if (headers["transfer-encoding"] !== undefined) list.push("Transfer-Encoding", "chunked");
  // The gateway closes the connection: when the control server does, just after its response, a last write of the request may fail before the response is read.
  list.push("Connection", "keep-alive", CLIENT_ADDRESS_HEADER, socket.remoteAddress ?? "unknown");
  if (token !== undefined) list.push(GATEWAY_TOKEN_HEADER, token);
  return list;
}

const responseHeaders = ({ rawHeaders, headers }: IncomingMessage) => endToEnd(rawHeaders, headers.connection);

/** Returns the headers that are not those of one connection. */
function endToEnd(
  rawHeaders: readonly string[],
  connection: string | undefined,
  isExcluded: (name: string) => boolean = () => false,
): string[] {
  const nominated = nominatedBy(connection);
  const list: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    if (HOP_BY_HOP.has(name) || nominated?.includes(name) || isExcluded(name)) continue;
    list.push(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  }
  return list;
}
