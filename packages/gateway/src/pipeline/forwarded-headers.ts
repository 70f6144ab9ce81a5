import { HOP_BY_HOP, nominatedBy } from "../http/call/end-to-end-headers.ts";
import { authorityOf } from "../http/request-path.ts";
import type { ResponseHead } from "../upstream/response-head.ts";
import type { Exchange } from "./exchange.ts";
import { prefixedLocation } from "./prefixed-location.ts";

/** Builds the header lines for the replica, each with CR LF. */
export function requestLines({ request, requestId, prefix }: Exchange): string {
  const { caller } = request;
  const host = authorityOf(request.url, request.header("host"));
  caller.setHost(host);
  const given = request.header("x-forwarded-for");
  const givenHost = request.header("x-forwarded-host");
  const givenProto = request.header("x-forwarded-proto");
  const forwarded = request.header("forwarded");
  let lines = `${request.endToEndLines()}${caller.beforeId}${requestId}`;
  if (given === undefined && givenHost === undefined && givenProto === undefined && forwarded === undefined)
    lines += caller.afterId;
  else {
    // A proxy in front of the gateway knows what the client asked for.
    lines += `\r\nX-Forwarded-For: ${appended(given, caller.address)}\r\nX-Forwarded-Host: ${givenHost ?? host}\r\n`;
    lines += `X-Forwarded-Proto: ${givenProto ?? caller.proto}\r\nForwarded: ${appended(forwarded, caller.forwarded)}\r\n`;
  }
  return prefix === "" ? lines : `${lines}X-Forwarded-Prefix: ${prefix}\r\n`;
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

function appended(list: string | undefined, element: string): string {
  return list === undefined ? element : `${list}, ${element}`;
}
