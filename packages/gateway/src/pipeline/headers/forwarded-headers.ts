import { HeaderBlock } from "../../http/call/header-block.ts";
import { HeaderField } from "../../http/call/header-field.ts";
import { authorityOf } from "../../http/request-path.ts";
import type { ResponseHead } from "../../upstream/response-head.ts";
import type { Exchange } from "../exchange.ts";
import { prefixedLocation } from "./prefixed-location.ts";
import { isOwnScope } from "./worker-scope.ts";

/** Builds the header lines for the replica, each with CR LF. */
export function requestLines(exchange: Exchange): string {
  const { request, requestId, prefix } = exchange;
  const { caller, headers } = request;
  const host = authorityOf(request.url, headers.host);
  caller.setHost(host);
  const { forwarded } = headers;
  const given = headers["x-forwarded-for"];
  const givenHost = headers["x-forwarded-host"];
  const givenProto = headers["x-forwarded-proto"];
  let lines = `${request.endToEndLines()}${caller.beforeId}${requestId}${traceLinesOf(exchange)}`;
  if (given === undefined && givenHost === undefined && givenProto === undefined && forwarded === undefined)
    lines += caller.afterId;
  else {
    // A proxy in front of the gateway knows what the client asked for.
    lines += `\r\nX-Forwarded-For: ${appended(given, caller.address)}\r\nX-Forwarded-Host: ${givenHost ?? host}\r\n`;
    lines += `X-Forwarded-Proto: ${givenProto ?? caller.proto}\r\nForwarded: ${appended(forwarded, caller.forwarded)}\r\n`;
  }
  return prefix === "" ? lines : `${lines}X-Forwarded-Prefix: ${prefix}\r\n`;
}

/** Returns the lines of the trace that the call belongs to, each after CR LF; those of the client where calls are not traced. */
function traceLinesOf({ trace, traceLines, request, replica }: Exchange): string {
  if (trace !== undefined) return trace.attempt(replica?.id);
  if (traceLines !== undefined) return traceLines;
  const { traceparent, tracestate } = request.headers;
  const parent = traceparent === undefined ? "" : `\r\ntraceparent: ${traceparent}`;
  return tracestate === undefined ? parent : `${parent}\r\ntracestate: ${tracestate}`;
}

/**
 * Returns the headers of a replica's response for the client.
 * @param isEndpoint tells whether a key, "org/endpoint", is that of an endpoint
 */
export function passedOnHeaders(
  { headers }: ResponseHead,
  exchange: Pick<Exchange, "request" | "prefix">,
  isEndpoint: (key: string) => boolean,
): HeaderBlock {
  if (!headers.isRedirect && !headers.hasWorkerScope) return headers;
  const passed = headers.fields.filter(
    ({ key, value }) => key !== "service-worker-allowed" || isOwnScope(value, exchange.prefix),
  );
  return new HeaderBlock(
    passed.map((field) =>
      field.key === "location"
        ? new HeaderField(field.name, prefixedLocation(field.value, exchange, isEndpoint))
        : field,
    ),
  );
}

/** Returns the lines of the headers that the gateway adds to a response. */
export function ownLines({ requestId, cold, ownLines }: Exchange, serverTiming: string): string {
  const lines = `X-Request-Id: ${requestId}\r\nServer-Timing: ${serverTiming}\r\n${ownLines}`;
  return cold ? `${lines}X-Cold-Start: true\r\n` : lines;
}

function appended(list: string | undefined, element: string): string {
  return list === undefined ? element : `${list}, ${element}`;
}
