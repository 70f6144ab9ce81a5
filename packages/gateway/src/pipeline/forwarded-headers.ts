import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { authorityOf } from "../http/request-path.ts";
import { isFaasBearer, TOKEN_HEADER } from "../http/token-header.ts";
import type { ResponseHead } from "../upstream/response-head.ts";
import type { Exchange } from "./exchange.ts";
import { prefixedLocation } from "./prefixed-location.ts";

/** Headers of one connection, never passed on (RFC 9110 sections 7.6.1 and 11.7). Trailers are not passed on either. */
export const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Headers that the gateway replaces or handles itself. */
const GATEWAY_HEADERS = new Set([
  "content-length",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  TOKEN_HEADER,
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-request-id",
]);

const isReserved = (name: string) => HOP_BY_HOP.has(name) || GATEWAY_HEADERS.has(name) || name === "authorization";

/** Properties of a client that are the same for all requests of its connection. */
interface Caller {
  /** IP address, or "unknown". */
  readonly address: string;
  readonly proto: "http" | "https";
  /** `for` and `proto` of `Forwarded` (RFC 7239 section 4). */
  readonly forwarded: string;
  /** Host of its last request. `forwardedHost` is `Forwarded` with it. */
  host: string;
  forwardedHost: string;
}

const callers = new WeakMap<Socket, Caller>();

/** Builds the headers for the replica, as alternating names and values. */
export function requestHeaders({ request, requestId, prefix }: Exchange): string[] {
  const { rawHeaders, headers } = request;
  const nominated = nominatedBy(headers.connection);
  const list: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || GATEWAY_HEADERS.has(lower) || nominated?.includes(lower)) continue;
    // CGI, WSGI and similar interfaces read `X_Forwarded_For` as `X-Forwarded-For`.
    if (lower.includes("_") && isReserved(lower.replaceAll("_", "-"))) continue;
    const value = rawHeaders[i + 1] as string;
    // The caller's key must not reach the function.
    if (lower === "authorization" && isFaasBearer(value)) continue;
    list.push(name, value);
  }
  const caller = callerOf(request.socket);
  const host = authorityOf(request);
  if (host !== caller.host) {
    caller.host = host;
    caller.forwardedHost = host === "" ? caller.forwarded : `${caller.forwarded};host=${quoted(host)}`;
  }
  if (host !== "") list.push("Host", host);
  list.push(
    "X-Request-Id",
    requestId,
    "X-Forwarded-For",
    appended(headers["x-forwarded-for"], caller.address),
    // A proxy in front of the gateway knows what the client asked for.
    "X-Forwarded-Host",
    (headers["x-forwarded-host"] as string | undefined) ?? host,
    "X-Forwarded-Proto",
    (headers["x-forwarded-proto"] as string | undefined) ?? caller.proto,
    "Forwarded",
    appended(headers.forwarded, caller.forwardedHost),
  );
  if (prefix !== "") list.push("X-Forwarded-Prefix", prefix);
  return list;
}

/**
 * Builds the headers for the client, as alternating names and values.
 * @param serverTiming follows the function's own
 * @param isEndpoint tells whether a key, "org/endpoint", is that of an endpoint
 */
export function responseHeaders(
  { headers, connection }: ResponseHead,
  exchange: Exchange,
  serverTiming: string,
  isEndpoint: (key: string) => boolean,
): string[] {
  const list: string[] = [];
  const nominated = nominatedBy(connection);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (HOP_BY_HOP.has(name) || name === "x-request-id" || name === "x-cold-start" || nominated?.includes(name))
      continue;
    const value = headers[i + 1] as string;
    list.push(name, name === "location" ? prefixedLocation(value, exchange, isEndpoint) : value);
  }
  list.push("X-Request-Id", exchange.requestId, "Server-Timing", serverTiming);
  if (exchange.cold) list.push("X-Cold-Start", "true");
  return list;
}

/** Returns the names in the header `Connection`: these are not passed on either. */
export function nominatedBy(connection: string | undefined): string[] | undefined {
  if (connection === undefined || connection === "" || connection === "keep-alive" || connection === "close")
    return undefined;
  return connection.split(",").map((name) => name.trim().toLowerCase());
}

function callerOf(socket: Socket): Caller {
  let caller = callers.get(socket);
  if (caller === undefined) {
    // A dual-stack socket shows IPv4 addresses as ::ffff:127.0.0.1.
    const address = socket.remoteAddress?.replace(/^::ffff:/, "") ?? "unknown";
    const proto = (socket as TLSSocket).encrypted ? "https" : "http";
    const node = address.includes(":") ? `"[${address}]"` : address;
    const forwarded = `for=${node};proto=${proto}`;
    caller = { address, proto, forwarded, host: "", forwardedHost: forwarded };
    callers.set(socket, caller);
  }
  return caller;
}

function appended(list: string | string[] | undefined, element: string): string {
  return list === undefined ? element : `${list}, ${element}`;
}

/** Formats a quoted string (RFC 9110 section 5.6.4): a token cannot contain the colon before a port. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
