import { TIMES_HEADER } from "../../traces/times-header.ts";
import { isFaasBearer, TOKEN_HEADER } from "../token-header.ts";

/** Headers of one connection, never passed on (RFC 9110 sections 7.6.1 and 11.7). Trailers are not passed on either. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
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
export const GATEWAY_HEADERS: ReadonlySet<string> = new Set([
  "content-length",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  TOKEN_HEADER,
  "traceparent",
  "tracestate",
  TIMES_HEADER,
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-request-id",
]);

const isReserved = (name: string) => HOP_BY_HOP.has(name) || GATEWAY_HEADERS.has(name) || name === "authorization";

/**
 * Formats the headers that are passed on unchanged, one per line with CR LF.
 * @param headers alternating names and values
 * @param connection value of the header Connection
 */
export function endToEndLines(headers: readonly string[], connection: string | undefined): string {
  const nominated = nominatedBy(connection);
  let lines = "";
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || GATEWAY_HEADERS.has(lower) || nominated?.includes(lower)) continue;
    // CGI, WSGI and similar interfaces read `X_Forwarded_For` as `X-Forwarded-For`.
    if (lower.includes("_") && isReserved(lower.replaceAll("_", "-"))) continue;
    const value = headers[i + 1] as string;
    // The caller's key must not reach the function.
    if (lower === "authorization" && isFaasBearer(value)) continue;
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Returns the names in the header `Connection`: these are not passed on either. */
export function nominatedBy(connection: string | undefined): string[] | undefined {
  if (connection === undefined || connection === "" || connection === "keep-alive" || connection === "close")
    return undefined;
  return connection.split(",").map((name) => name.trim().toLowerCase());
}
