import { nominatedBy } from "../http/call/end-to-end-headers.ts";
import { HeaderField } from "../http/call/header-field.ts";
import { authorityOf } from "../http/request-path.ts";
import type { ResponseHead } from "../upstream/response-head.ts";
import type { Exchange } from "./exchange.ts";
import { prefixedLocation } from "./prefixed-location.ts";

/** Builds the header lines for the replica, each with CR LF. */
export function requestLines({ request, requestId, prefix }: Exchange): string {
  const { caller, headers } = request;
  const host = authorityOf(request.url, headers.host);
  caller.setHost(host);
  const { forwarded } = headers;
  const given = headers["x-forwarded-for"];
  const givenHost = headers["x-forwarded-host"];
  const givenProto = headers["x-forwarded-proto"];
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
 * Returns the headers of a replica's response that are passed on.
 * @param isEndpoint tells whether a key, "org/endpoint", is that of an endpoint
 */
export function passedOnHeaders(
  { fields, connection }: ResponseHead,
  exchange: Pick<Exchange, "request" | "prefix">,
  isEndpoint: (key: string) => boolean,
): HeaderField[] {
  const nominated = nominatedBy(connection);
  const list: HeaderField[] = [];
  for (const field of fields) {
    if (!field.isPassedOn || nominated?.includes(field.key)) continue;
    list.push(
      field.key === "location"
        ? new HeaderField(field.name, prefixedLocation(field.value, exchange, isEndpoint))
        : field,
    );
  }
  return list;
}

/** Returns the headers that the gateway adds to a response. */
export function ownHeaders({ requestId, cold }: Exchange, serverTiming: string): string[] {
  const list = ["X-Request-Id", requestId, "Server-Timing", serverTiming];
  if (cold) list.push("X-Cold-Start", "true");
  return list;
}

function appended(list: string | undefined, element: string): string {
  return list === undefined ? element : `${list}, ${element}`;
}
